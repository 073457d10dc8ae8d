-- Has a key alone until the transaction ends, unless another one has it, and shows what it was answered before.
-- $1 tenant_id text
-- $2 key text
-- -> claimed boolean
-- -> digest uuid       null when it was never answered
-- -> results jsonb
SELECT pg_try_advisory_xact_lock(hashtextextended($1 || E'\n' || $2, 4007)) AS claimed, k.digest, k.results
FROM (SELECT) AS one
LEFT JOIN idempotency_keys AS k ON k.tenant_id = $1 AND k.key = $2
