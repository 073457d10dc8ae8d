-- What wears the graph of an index: embeddings removed or replaced.
-- -> chunks bigint
-- -> removed bigint      since statistics were last reset
-- -> leftover boolean    a rebuild was cut off
SELECT pg_stat_get_live_tuples(c.oid) AS chunks,
    pg_stat_get_tuples_deleted(c.oid) + pg_stat_get_tuples_updated(c.oid) AS removed,
    to_regclass('chunk_embeddings_hnsw_' || :index_id || '_ccnew') IS NOT NULL
        OR to_regclass('chunk_embeddings_bit_hnsw_' || :index_id || '_ccnew') IS NOT NULL AS leftover
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_embeddings_' || :index_id)
