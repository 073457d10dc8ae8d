-- Values that documents are filtered by, with the share of documents that have them, as ANALYZE found them in the shards.
-- -> kind text               source_type, document_sets or tags
-- -> value text
-- -> share real
SELECT e.kind, e.value, (sum(e.documents) / max(a.total))::real AS share
FROM (
    SELECT f.answer, sum((f.answer ->> 'documents')::double precision) OVER () AS total
    FROM ask_shards('documents_' || :index_id, $query$
        SELECT json_build_object('documents', c.reltuples, 'columns', (
            SELECT coalesce(json_agg(v), '[]')
            FROM (
                SELECT s.attname AS kind,
                    CASE WHEN s.attname = 'source_type' THEN s.most_common_vals ELSE s.most_common_elems END::text::text[] AS "values",
                    CASE WHEN s.attname = 'source_type' THEN s.most_common_freqs ELSE s.most_common_elem_freqs END AS shares
                FROM pg_stats AS s
                WHERE s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname
                  AND s.attname IN ('source_type', 'document_sets', 'tags')
            ) AS v
            WHERE v."values" IS NOT NULL))
        FROM pg_class AS c
        WHERE c.oid = to_regclass(%1$L) AND c.reltuples > 0
    $query$) AS f (answer)
) AS a
CROSS JOIN LATERAL (
    SELECT k.answer ->> 'kind' AS kind, v.value, s.share::double precision * (a.answer ->> 'documents')::double precision AS documents
    FROM jsonb_array_elements(a.answer -> 'columns') AS k (answer)
    CROSS JOIN LATERAL jsonb_array_elements_text(k.answer -> 'values') WITH ORDINALITY AS v (value, place)
    CROSS JOIN LATERAL jsonb_array_elements_text(k.answer -> 'shares') WITH ORDINALITY AS s (share, place)
    WHERE s.place = v.place AND v.value IS NOT NULL
) AS e
GROUP BY e.kind, e.value
ORDER BY share DESC, e.kind, e.value
