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
        coalesce(sum(coalesce(pg_relation_size(to_regclass('chunk_embeddings_hnsw_' || :index_id)), 0)
                + coalesce(pg_relation_size(to_regclass('chunk_embeddings_bit_hnsw_' || :index_id)), 0))
            FILTER (WHERE i.inhparent = 'chunk_embeddings'::regclass), 0)::bigint AS ann_bytes,
        coalesce(sum(t.n_dead_tup) FILTER (WHERE i.inhparent = 'chunk_embeddings'::regclass), 0)::bigint AS dead_chunks,
        max(greatest(t.last_vacuum, t.last_autovacuum, t.last_analyze, t.last_autoanalyze)) AS maintained_at
    -- Its tables are found by their names: catalogues of ten thousand tables are not walked through for each index.
    FROM unnest('{documents, document_versions, chunks, chunk_embeddings, chunk_segments, title_embeddings, chunk_terms,
        vocabulary, acl_sets, acl_members}'::regclass[]) AS i (inhparent)
    CROSS JOIN LATERAL (SELECT to_regclass(i.inhparent::text || '_' || :index_id)::oid AS oid) AS c
    CROSS JOIN LATERAL (
        SELECT pg_stat_get_dead_tuples(c.oid) AS n_dead_tup,
            pg_stat_get_last_vacuum_time(c.oid) AS last_vacuum, pg_stat_get_last_autovacuum_time(c.oid) AS last_autovacuum,
            pg_stat_get_last_analyze_time(c.oid) AS last_analyze, pg_stat_get_last_autoanalyze_time(c.oid) AS last_autoanalyze
    ) AS t
) AS s
