-- Forgets an upload and its parts.
-- $1 upload_id uuid
-- -> upload_id uuid
DELETE FROM uploads AS u WHERE u.index_id = :index_id AND u.upload_id = $1 RETURNING u.upload_id
