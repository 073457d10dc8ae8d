-- An upload about to be committed or dropped.
-- $1 upload_id uuid
-- -> result jsonb
SELECT u.result FROM uploads AS u WHERE u.index_id = :index_id AND u.upload_id = $1 FOR UPDATE
