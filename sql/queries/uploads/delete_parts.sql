-- Drops the parts of an upload.
-- $1 upload_id uuid
DELETE FROM upload_parts AS p WHERE p.index_id = :index_id AND p.upload_id = $1
