-- Every index with the state of its HNSW graph, and what the graph was built with.
-- -> name text
-- -> dimension integer
-- -> chunks bigint
-- -> dead_chunks bigint
-- -> embeddings_bytes bigint
-- -> ann_bytes bigint
-- -> valid boolean
-- -> building boolean
-- -> options text[]
-- -> analysed boolean
SELECT i.tenant_id || '/' || i.name AS name, i.embedding_dimension AS dimension, s.live AS chunks, s.dead AS dead_chunks,
    s.table_bytes AS embeddings_bytes, s.ann_bytes, x.indisvalid AS valid, NOT x.indisvalid AND EXISTS (
        SELECT FROM pg_locks AS l WHERE l.relation = e.oid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
    ) AS building,
    coalesce(h.reloptions, '{}') AS options, s.analysed_at IS NOT NULL AS analysed
FROM indexes AS i
JOIN pg_class AS e ON e.oid = to_regclass('chunk_embeddings_' || i.index_id)
CROSS JOIN LATERAL shard_statistics('chunk_embeddings_' || i.index_id) AS s
LEFT JOIN pg_class AS h ON h.oid = to_regclass('chunk_embeddings_hnsw_' || i.index_id)
LEFT JOIN pg_index AS x ON x.indexrelid = h.oid
ORDER BY s.table_bytes DESC, i.index_id
