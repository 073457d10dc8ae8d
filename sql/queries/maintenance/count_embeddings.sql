-- Chunks of an index, by the statistics where there are some; the counter is ahead of ANALYZE in a bulk load.
-- -> chunks bigint
SELECT CASE WHEN greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid)) > 0
            THEN greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid))
            ELSE (SELECT count(*) FROM (SELECT 1 FROM chunk_embeddings AS e WHERE e.index_id = :index_id LIMIT 200000) AS e)
       END AS chunks
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_embeddings_' || :index_id)
