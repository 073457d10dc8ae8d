-- Lets one process work at a run, for as long as its connection lives.
-- $1 import_id text
-- -> locked boolean
SELECT pg_try_advisory_lock(4005, hashtext($1)) AS locked
