-- One page of the rows that a run could not take.
-- $1 import_id uuid
-- $2 after bigint    0 at the first page
-- $3 limit bigint
-- -> reject_id bigint
-- -> code text
-- -> detail text
-- -> body bytea
SELECT r.reject_id, r.code, r.detail, r.body
FROM import_rejects AS r
WHERE r.import_id = $1 AND r.reject_id > $2
ORDER BY r.reject_id
LIMIT $3
