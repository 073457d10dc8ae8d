-- The run that a repeated command takes up again.
-- $1 fingerprint uuid
-- -> import_id uuid
SELECT i.import_id
FROM imports AS i
WHERE i.index_id = :index_id AND i.fingerprint = $1 AND i.state = 'open'
