-- The tokens ANALYZE found most frequent in the shards, with the share of chunks that have each. A token that is
-- frequent in some shards only has none of the others.
-- -> token integer
-- -> share real
SELECT e.token::integer AS token, (sum(e.chunks) / max(a.total))::real AS share
FROM (
    SELECT f.answer, sum((f.answer ->> 'chunks')::double precision) OVER () AS total
    FROM ask_shards('chunk_terms_' || :index_id, $query$
        SELECT json_build_object('chunks', c.reltuples, 'tokens', s.most_common_elems::text::text[],
            'shares', s.most_common_elem_freqs)
        FROM pg_class AS c
        JOIN pg_stats AS s ON s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname
        WHERE c.oid = to_regclass(%1$L) AND s.attname = 'tokens' AND s.most_common_elems IS NOT NULL AND c.reltuples > 0
    $query$) AS f (answer)
) AS a
CROSS JOIN LATERAL (
    SELECT t.token, s.share::double precision * (a.answer ->> 'chunks')::double precision AS chunks
    FROM jsonb_array_elements_text(a.answer -> 'tokens') WITH ORDINALITY AS t (token, place)
    -- The frequencies go on with their extremes, which have no token.
    JOIN jsonb_array_elements_text(a.answer -> 'shares') WITH ORDINALITY AS s (share, place) ON s.place = t.place
) AS e
GROUP BY e.token
