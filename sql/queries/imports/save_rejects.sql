-- Keeps rows that could not be taken.
-- $1 import_id uuid
-- $2 slice integer
-- $3 page integer
-- $4 codes text[]
-- $5 details text[]
-- $6 bodies bytea[]
-- -> reject_id bigint
INSERT INTO import_rejects (import_id, slice, page, code, detail, body)
SELECT $1, $2, $3, r.code, r.detail, r.body
FROM unnest($4::text[], $5::text[], $6::bytea[]) AS r (code, detail, body)
RETURNING reject_id
