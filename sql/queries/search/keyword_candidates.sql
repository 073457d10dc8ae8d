-- The best chunks by BM25 among those with one of some tokens, or all of some others, that pass the filter.
-- Documents are looked up one by one from the best chunk on, until there are enough; equal scores at the end
-- come along, so that ties are cut by document and chunk.
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
WITH scored AS MATERIALIZED (
    -- The tokens come by LATERAL, so that no plan knows them: it would reckon with comparing arrays at the
    -- price of integers, and read the whole table through rather than its GIN index. One OR is one bitmap: a chunk
    -- that several conditions find is scored once.
    SELECT t.document_key, t.chunk_index, t.bm25
    FROM (
        SELECT $20::integer[] AS any_terms,
            $21::integer[] AS every_1, $27::integer[] AS some_1,
            $22::integer[] AS every_2, $28::integer[] AS some_2,
            $23::integer[] AS every_3, $29::integer[] AS some_3,
            $24::integer[] AS every_4, $30::integer[] AS some_4,
            $25::integer[] AS every_5, $31::integer[] AS some_5,
            $26::integer[] AS every_6, $32::integer[] AS some_6,
            $33::integer[] AS part_1, $34::integer[] AS part_2, $35::integer[] AS part_3, $36::integer[] AS part_4, $37::integer[] AS part_5
        OFFSET 0
    ) AS q
    CROSS JOIN LATERAL (
        SELECT t.document_key, t.chunk_index, -(t.weights <#> $18::sparsevec) AS bm25
        FROM chunk_terms AS t
        WHERE t.index_id = :index_id
          AND (t.tokens && q.any_terms
            OR t.tokens @> q.every_1 AND t.tokens && q.some_1
            OR t.tokens @> q.every_2 AND t.tokens && q.some_2
            OR t.tokens @> q.every_3 AND t.tokens && q.some_3
            OR t.tokens @> q.every_4 AND t.tokens && q.some_4
            OR t.tokens @> q.every_5 AND t.tokens && q.some_5
            OR t.tokens @> q.every_6 AND t.tokens && q.some_6
            OR t.tokens && q.part_1
            AND t.tokens && q.part_2
            AND t.tokens && q.part_3
            AND t.tokens && q.part_4
            AND t.tokens && q.part_5)
        OFFSET 0
    ) AS t
), best AS MATERIALIZED (
    SELECT s.document_key, s.chunk_index, d.document_id, s.bm25
    FROM (SELECT s.document_key, s.chunk_index, s.bm25 FROM scored AS s ORDER BY s.bm25 DESC OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT d.document_id
        FROM documents AS d
        WHERE d.index_id = :index_id AND d.document_key = s.document_key
          AND :document_filter
        OFFSET 0
    ) AS d
    WHERE s.bm25 > 0
    ORDER BY s.bm25 DESC
    FETCH FIRST ($19) ROWS WITH TIES
)
SELECT b.document_key, b.chunk_index, b.document_id, b.bm25,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM best AS b
ORDER BY b.bm25 DESC, b.document_id, b.chunk_index
LIMIT $19
