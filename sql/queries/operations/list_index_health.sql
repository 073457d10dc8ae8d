-- Size and wear of the largest indexes, by the statistics PostgreSQL keeps anyway.
-- $1 limit integer
-- -> index_id integer
-- -> tenant_id text
-- -> name text
-- -> chunks bigint
-- -> dead_chunks bigint
-- -> embeddings_bytes bigint
-- -> ann_bytes bigint
-- -> text_bytes bigint
-- -> terms_bytes bigint
-- -> other_bytes bigint
SELECT i.index_id, i.tenant_id, i.name,
    coalesce(s.n_live_tup, 0) AS chunks,
    coalesce(s.n_dead_tup, 0) AS dead_chunks,
    coalesce(pg_table_size(e.oid), 0)  -- it may be dropped under our eyes
        + coalesce(pg_total_relation_size(to_regclass('chunk_segments_' || i.index_id)), 0) AS embeddings_bytes,
    coalesce(pg_relation_size(to_regclass('chunk_embeddings_hnsw_' || i.index_id)), 0)
        + coalesce(pg_relation_size(to_regclass('chunk_embeddings_bit_hnsw_' || i.index_id)), 0) AS ann_bytes,
    coalesce(pg_total_relation_size(to_regclass('chunks_' || i.index_id)), 0) AS text_bytes,
    coalesce(pg_total_relation_size(to_regclass('chunk_terms_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('vocabulary_' || i.index_id)), 0) AS terms_bytes,
    coalesce(pg_total_relation_size(to_regclass('documents_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('document_versions_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('title_embeddings_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('acl_sets_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('acl_members_' || i.index_id)), 0)
        + coalesce(pg_relation_size(k.indexrelid), 0) AS other_bytes
FROM indexes AS i
JOIN pg_class AS e ON e.oid = to_regclass('chunk_embeddings_' || i.index_id)
LEFT JOIN pg_index AS k ON k.indrelid = e.oid AND k.indisprimary
LEFT JOIN pg_stat_user_tables AS s ON s.relid = e.oid
ORDER BY e.relpages DESC, i.index_id
LIMIT $1::integer
