-- Chunks of an index, by the statistics of its shards where there are some.
-- -> chunks bigint
SELECT CASE WHEN greatest(s.analysed_rows::bigint, s.live) > 0
            THEN greatest(s.analysed_rows::bigint, s.live)
            ELSE (SELECT count(*) FROM (SELECT 1 FROM chunk_embeddings AS e WHERE e.index_id = :index_id LIMIT 200000) AS e)
       END AS chunks
FROM shard_statistics('chunk_embeddings_' || :index_id) AS s
