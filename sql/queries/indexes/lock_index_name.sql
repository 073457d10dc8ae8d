-- Makes callers who create or drop the same index come one after the other.
-- $1 name text   tenant and name
SELECT pg_advisory_xact_lock(hashtextextended($1, 4002))
