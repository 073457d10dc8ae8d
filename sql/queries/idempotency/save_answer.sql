-- Keeps the answer of a write with the write itself; gives no row if another request was first with the key.
-- $1 tenant_id text
-- $2 key text
-- $3 digest uuid
-- $4 results jsonb
-- -> key text
INSERT INTO idempotency_keys AS k (tenant_id, key, digest, results)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING k.key
