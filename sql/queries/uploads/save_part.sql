-- Stores a part; sent again it replaces itself.
-- $1 upload_id uuid
-- $2 part integer
-- $3 body bytea
INSERT INTO upload_parts AS p (index_id, upload_id, part, body)
VALUES (:index_id, $1, $2, $3)
ON CONFLICT (index_id, upload_id, part) DO UPDATE SET body = excluded.body
