-- Makes the numbering of new access lists wait for whoever is at it.
-- 4001 is the first half of the lock's name, the index the second.
SELECT pg_advisory_xact_lock(4001, :index_id)
