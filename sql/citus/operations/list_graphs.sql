-- Every index with the state of its HNSW graph, and what the graph was built with: of the one that is asked for, or else
-- of the one that it is to replace.
-- -> name text
-- -> dimension integer
-- -> quantisation text       that is asked for
-- -> chunks bigint
-- -> dead_chunks bigint
-- -> embeddings_bytes bigint
-- -> ann_bytes bigint
-- -> valid boolean
-- -> building boolean
-- -> options text[]
-- -> analysed boolean
SELECT i.tenant_id || '/' || i.name AS name, i.embedding_dimension AS dimension, i.quantisation,
    s.live AS chunks, s.dead AS dead_chunks,
    s.table_bytes AS embeddings_bytes, s.ann_bytes, x.indisvalid AS valid, NOT x.indisvalid AND EXISTS (
        SELECT FROM pg_locks AS l WHERE l.relation = e.oid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
    ) AS building,
    coalesce(h.reloptions, '{}') AS options, s.analysed_at IS NOT NULL AS analysed
FROM indexes AS i
JOIN pg_class AS e ON e.oid = to_regclass('chunk_embeddings_' || i.index_id)
CROSS JOIN LATERAL shard_statistics('chunk_embeddings_' || i.index_id) AS s
LEFT JOIN pg_class AS h
    ON h.oid = coalesce(
        to_regclass(CASE i.quantisation WHEN 'bit' THEN 'chunk_embeddings_bit_hnsw_' ELSE 'chunk_embeddings_hnsw_' END || i.index_id),
        to_regclass('chunk_embeddings_hnsw_' || i.index_id), to_regclass('chunk_embeddings_bit_hnsw_' || i.index_id)
    )
LEFT JOIN pg_index AS x ON x.indexrelid = h.oid
ORDER BY s.table_bytes DESC, i.index_id
