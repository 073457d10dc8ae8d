-- Each shard filters what its tokens lead to, and gives its best.
-- :document_filter
-- $18 query sparsevec        weights of the query's terms
-- $19 limit bigint
-- $20 any_terms integer[]    tokens of which a candidate has one
-- $21 every_1 integer[]      $21 to $26: or else tokens of which it has every one…
-- $22 every_2 integer[]
-- $23 every_3 integer[]
-- $24 every_4 integer[]
-- $25 every_5 integer[]
-- $26 every_6 integer[]
-- $27 some_1 integer[]       $27 to $32: … and of these some; null is no condition
-- $28 some_2 integer[]
-- $29 some_3 integer[]
-- $30 some_4 integer[]
-- $31 some_5 integer[]
-- $32 some_6 integer[]
-- $33 part_1 integer[]       $33 to $37: or else tokens of which it has one of each; null is no condition
-- $34 part_2 integer[]
-- $35 part_3 integer[]
-- $36 part_4 integer[]
-- $37 part_5 integer[]
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
      AND (t.tokens && $20::integer[]
        OR t.tokens @> $21::integer[] AND t.tokens && $27::integer[]
        OR t.tokens @> $22::integer[] AND t.tokens && $28::integer[]
        OR t.tokens @> $23::integer[] AND t.tokens && $29::integer[]
        OR t.tokens @> $24::integer[] AND t.tokens && $30::integer[]
        OR t.tokens @> $25::integer[] AND t.tokens && $31::integer[]
        OR t.tokens @> $26::integer[] AND t.tokens && $32::integer[]
        OR t.tokens && $33::integer[]
        AND t.tokens && $34::integer[]
        AND t.tokens && $35::integer[]
        AND t.tokens && $36::integer[]
        AND t.tokens && $37::integer[])
      AND -(t.weights <#> $18::sparsevec) > 0
      AND :document_filter
    ORDER BY -(t.weights <#> $18::sparsevec) DESC, d.document_id, t.chunk_index
    LIMIT $19
)
SELECT b.document_key, b.chunk_index, b.document_id, b.bm25,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM best AS b
ORDER BY b.bm25 DESC, b.document_id, b.chunk_index
