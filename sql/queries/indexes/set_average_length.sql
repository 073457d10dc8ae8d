-- Settles the average length of an index's chunks, if nobody has.
-- $1 average_length real
-- -> average_length real
UPDATE indexes AS i
SET average_length = coalesce(i.average_length, $1)
WHERE i.index_id = :index_id
RETURNING i.average_length
