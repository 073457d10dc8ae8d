-- The body of one part.
-- $1 upload_id uuid
-- $2 part integer
-- -> body bytea
SELECT p.body FROM upload_parts AS p WHERE p.index_id = :index_id AND p.upload_id = $1 AND p.part = $2
