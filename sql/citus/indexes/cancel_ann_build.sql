-- Stops the build of an index's graphs, which would keep its table for as long as it takes: whoever builds has the table
-- locked so.
-- -> cancelled boolean
SELECT pg_cancel_backend(l.pid) AS cancelled
FROM pg_locks AS l
WHERE l.relation = to_regclass('chunk_embeddings_' || :index_id) AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
