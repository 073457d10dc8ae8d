-- The tokens ANALYZE found most frequent, with the share of chunks that have each.
-- -> token integer
-- -> share real
SELECT e.token::integer AS token, e.share
FROM pg_stats AS s
-- In step: the frequencies go on with their extremes, which have no token.
CROSS JOIN LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS e(token, share)
WHERE s.schemaname = ANY (current_schemas(false)) AND s.tablename = 'chunk_terms_' || :index_id AND s.attname = 'tokens'
  AND e.token IS NOT NULL
