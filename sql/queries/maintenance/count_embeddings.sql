-- Chunks of an index, by the statistics where there are some.
-- -> chunks bigint
SELECT CASE WHEN c.reltuples > 0 THEN c.reltuples::bigint
            ELSE (SELECT count(*) FROM (SELECT FROM chunk_embeddings AS e WHERE e.index_id = :index_id LIMIT 200000) AS e)
       END AS chunks
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_embeddings_' || :index_id)
