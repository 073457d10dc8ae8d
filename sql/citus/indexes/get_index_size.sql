-- Documents, chunks and bytes of an index, counted; the rest by the statistics of its shards.
-- -> documents bigint
-- -> chunks bigint
-- -> bytes bigint
-- -> ann_bytes bigint
-- -> dead_chunks bigint
-- -> maintained_at timestamp with time zone   vacuum or analyse, by hand or by itself
SELECT d.documents, d.chunks, s.bytes + l.bytes AS bytes, s.ann_bytes, s.dead_chunks, s.maintained_at
FROM (
    SELECT count(*) AS documents, coalesce(sum(d.chunk_count), 0)::bigint AS chunks
    FROM documents AS d
    WHERE d.index_id = :index_id
) AS d
CROSS JOIN (
    SELECT sum(s.total_bytes)::bigint AS bytes, sum(s.ann_bytes)::bigint AS ann_bytes,
        sum(s.dead) FILTER (WHERE t.name = 'chunk_embeddings')::bigint AS dead_chunks, max(s.maintained_at) AS maintained_at
    FROM unnest(ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments', 'title_embeddings',
        'chunk_terms']) AS t (name)
    CROSS JOIN LATERAL shard_statistics(t.name || '_' || :index_id) AS s
) AS s
CROSS JOIN (
    SELECT sum(pg_total_relation_size(to_regclass(t.name || '_' || :index_id)))::bigint AS bytes
    FROM unnest(ARRAY['vocabulary', 'acl_sets', 'acl_members']) AS t (name)
) AS l
