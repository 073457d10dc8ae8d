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
    coalesce(s.n_live_tup, 0) AS chunks,
    coalesce(s.n_dead_tup, 0) AS dead_chunks,
    pg_table_size(e.oid) AS embeddings_bytes,
    coalesce(pg_relation_size(h.oid), 0) AS ann_bytes,
    x.indisvalid AS valid,
    EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = h.oid) AS building,
    coalesce(h.reloptions, '{}') AS options,
    coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS analysed
FROM indexes AS i
JOIN pg_class AS e ON e.oid = to_regclass('chunk_embeddings_' || i.index_id)
LEFT JOIN pg_class AS h
    ON h.oid = coalesce(
        to_regclass(CASE i.quantisation WHEN 'bit' THEN 'chunk_embeddings_bit_hnsw_' ELSE 'chunk_embeddings_hnsw_' END || i.index_id),
        to_regclass('chunk_embeddings_hnsw_' || i.index_id), to_regclass('chunk_embeddings_bit_hnsw_' || i.index_id)
    )
LEFT JOIN pg_index AS x ON x.indexrelid = h.oid
LEFT JOIN pg_stat_user_tables AS s ON s.relid = e.oid
ORDER BY e.relpages DESC, i.index_id
