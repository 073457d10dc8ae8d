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
SELECT i.index_id, i.tenant_id, i.name, e.live AS chunks, e.dead AS dead_chunks,
    e.table_bytes + s.total_bytes AS embeddings_bytes, e.ann_bytes, c.total_bytes AS text_bytes,
    t.total_bytes + coalesce(pg_total_relation_size(to_regclass('vocabulary_' || i.index_id)), 0) AS terms_bytes,
    d.total_bytes + v.total_bytes + m.total_bytes
        + coalesce(pg_total_relation_size(to_regclass('acl_sets_' || i.index_id)), 0)
        + coalesce(pg_total_relation_size(to_regclass('acl_members_' || i.index_id)), 0)
        + e.total_bytes - e.table_bytes - e.ann_bytes AS other_bytes
FROM indexes AS i
CROSS JOIN LATERAL shard_statistics('chunk_embeddings_' || i.index_id) AS e
CROSS JOIN LATERAL shard_statistics('chunk_segments_' || i.index_id) AS s
CROSS JOIN LATERAL shard_statistics('chunks_' || i.index_id) AS c
CROSS JOIN LATERAL shard_statistics('chunk_terms_' || i.index_id) AS t
CROSS JOIN LATERAL shard_statistics('documents_' || i.index_id) AS d
CROSS JOIN LATERAL shard_statistics('document_versions_' || i.index_id) AS v
CROSS JOIN LATERAL shard_statistics('title_embeddings_' || i.index_id) AS m
ORDER BY e.table_bytes DESC, i.index_id
LIMIT $1::integer
