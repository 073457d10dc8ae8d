-- Stops the build of an index's graph, which would keep its table for as long as it takes.
-- -> cancelled boolean
SELECT pg_cancel_backend(p.pid) AS cancelled
FROM pg_stat_progress_create_index AS p
WHERE p.datid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
  AND p.relid = to_regclass('chunk_embeddings_' || :index_id)
