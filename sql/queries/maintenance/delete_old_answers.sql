-- Sweeps the answers of idempotency keys that nobody will repeat any more.
-- $1 older_than interval
-- -> swept bigint
WITH gone AS (
    DELETE FROM idempotency_keys AS k WHERE k.created_at < now() - $1::interval RETURNING 1
)
SELECT count(*) AS swept FROM gone
