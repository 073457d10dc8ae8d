-- Replaces the average length that weights are reckoned with.
-- $1 average_length real
UPDATE indexes AS i SET average_length = $1 WHERE i.index_id = :index_id
