-- Documents, chunks and bytes of an index, counted; the rest by the statistics PostgreSQL keeps anyway.
-- -> documents bigint
-- -> chunks bigint
-- -> bytes bigint
-- -> ann_bytes bigint
-- -> dead_chunks bigint
-- -> maintained_at timestamp with time zone   vacuum or analyse, by hand or by itself
SELECT d.documents, d.chunks, s.bytes, s.ann_bytes, s.dead_chunks, s.maintained_at
FROM (
    SELECT count(*) AS documents, coalesce(sum(d.chunk_count), 0)::bigint AS chunks
    FROM documents AS d
    WHERE d.index_id = :index_id
) AS d
CROSS JOIN (
    SELECT sum(pg_total_relation_size(c.oid))::bigint AS bytes,
        coalesce(sum(pg_relation_size(to_regclass('chunk_embeddings_hnsw_' || :index_id)))
            FILTER (WHERE i.inhparent = 'chunk_embeddings'::regclass), 0)::bigint AS ann_bytes,
        coalesce(sum(t.n_dead_tup) FILTER (WHERE i.inhparent = 'chunk_embeddings'::regclass), 0)::bigint AS dead_chunks,
        max(greatest(t.last_vacuum, t.last_autovacuum, t.last_analyze, t.last_autoanalyze)) AS maintained_at
    FROM pg_class AS c
    JOIN pg_inherits AS i ON i.inhrelid = c.oid
    LEFT JOIN pg_stat_user_tables AS t ON t.relid = c.oid
    WHERE c.relkind = 'r' AND c.relname LIKE '%\_' || :index_id
      AND i.inhparent IN ('documents'::regclass, 'document_versions'::regclass, 'chunks'::regclass,
          'chunk_embeddings'::regclass, 'chunk_segments'::regclass, 'title_embeddings'::regclass, 'chunk_terms'::regclass,
          'vocabulary'::regclass, 'acl_sets'::regclass, 'acl_members'::regclass)
) AS s
