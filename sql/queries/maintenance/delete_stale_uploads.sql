-- Sweeps uploads nobody came back to, and the answers of old commits.
-- $1 older_than interval
-- -> upload_id uuid
DELETE FROM uploads AS u WHERE u.started_at < now() - $1::interval RETURNING u.upload_id
