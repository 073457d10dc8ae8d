-- Each shard filters what its tokens lead to, and gives its best.
-- :document_filter
-- $18 query sparsevec        weights of the query's terms
-- $19 limit bigint
-- $20 any_terms integer[]    tokens of which a candidate has one
-- $21 all_terms_1 integer[]  $21 to $26: tokens of which a candidate has all; null is no condition
-- $22 all_terms_2 integer[]
-- $23 all_terms_3 integer[]
-- $24 all_terms_4 integer[]
-- $25 all_terms_5 integer[]
-- $26 all_terms_6 integer[]
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> bm25 double precision
-- -> acl_count integer
WITH best AS MATERIALIZED (
    SELECT t.document_key, t.chunk_index, d.document_id, -(t.weights <#> $18::sparsevec) AS bm25
    FROM chunk_terms AS t
    JOIN documents AS d ON d.index_id = :index_id AND d.document_key = t.document_key
    WHERE t.index_id = :index_id
      AND (chunk_tokens(t.weights, t.tiers) && $20::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $21::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $22::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $23::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $24::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $25::integer[]
        OR chunk_tokens(t.weights, t.tiers) @> $26::integer[])
      AND -(t.weights <#> $18::sparsevec) > 0
      AND :document_filter
    ORDER BY -(t.weights <#> $18::sparsevec) DESC, d.document_id, t.chunk_index
    LIMIT $19
)
SELECT b.document_key, b.chunk_index, b.document_id, b.bm25,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM best AS b
ORDER BY b.bm25 DESC, b.document_id, b.chunk_index
