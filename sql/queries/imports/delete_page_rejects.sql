-- Forgets what was kept of a page, or of its last part, that is written again.
-- $1 import_id uuid
-- $2 slice integer
-- $3 page integer
-- $4 after bigint    the last reject that stays; 0 for none
DELETE FROM import_rejects AS r
WHERE r.import_id = $1 AND r.slice = $2 AND r.page >= $3 AND r.reject_id > $4
