-- Which parts of an upload have come.
-- $1 upload_id uuid
-- -> part integer
SELECT p.part FROM upload_parts AS p WHERE p.index_id = :index_id AND p.upload_id = $1 ORDER BY p.part
