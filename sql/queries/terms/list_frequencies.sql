-- The tokens ANALYZE found most frequent, with the share of chunks that have each.
-- -> token integer
-- -> share real
SELECT e.token::integer AS token, f.share
FROM pg_stats AS s
CROSS JOIN LATERAL unnest(s.most_common_elems::text::text[]) WITH ORDINALITY AS e(token, position)
JOIN LATERAL unnest(s.most_common_elem_freqs) WITH ORDINALITY AS f(share, position) USING (position)
WHERE s.schemaname = ANY (current_schemas(false)) AND s.tablename = 'chunk_terms_' || :index_id
  AND s.attname = 'terms'
