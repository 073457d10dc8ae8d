-- Tells the maintainer, for as long as the connection lives, that an index is being filled.
SELECT pg_advisory_lock_shared(4004, :index_id)
