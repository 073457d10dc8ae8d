-- Keeps the answer of a commit.
-- $1 upload_id uuid
-- $2 result jsonb
UPDATE uploads AS u SET result = $2 WHERE u.index_id = :index_id AND u.upload_id = $1
