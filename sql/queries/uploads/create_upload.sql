-- Opens an upload, or finds it open; a committed one answers with its result.
-- $1 upload_id uuid
-- -> result jsonb
INSERT INTO uploads AS u (index_id, upload_id)
VALUES (:index_id, $1)
ON CONFLICT (index_id, upload_id) DO UPDATE SET started_at = now()
RETURNING u.result
