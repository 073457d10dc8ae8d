-- Values that documents are filtered by, with the share of documents that have them, as ANALYZE found them.
-- -> kind text               source_type, document_sets or tags
-- -> value text
-- -> share real
SELECT s.attname::text AS kind, v.value, v.share
FROM pg_stats AS s
CROSS JOIN LATERAL unnest(
    CASE WHEN s.attname = 'source_type' THEN s.most_common_vals ELSE s.most_common_elems END::text::text[],
    CASE WHEN s.attname = 'source_type' THEN s.most_common_freqs ELSE s.most_common_elem_freqs END
) AS v (value, share)
WHERE s.tablename = 'documents_' || :index_id AND s.schemaname = ANY (current_schemas(false))
  AND s.attname IN ('source_type', 'document_sets', 'tags') AND v.value IS NOT NULL
ORDER BY v.share DESC, s.attname, v.value
