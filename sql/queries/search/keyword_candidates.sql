-- The best chunks by BM25 among those with one of some tokens, or all of some others, that pass the filter.
-- Documents are looked up one by one from the best chunk on, until there are enough; equal scores at the end
-- come along, so that ties are cut by document and chunk.
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
WITH scored AS MATERIALIZED (
    -- The tokens come by LATERAL, so that no plan knows them: it would reckon with comparing arrays at the
    -- price of integers, and read the whole table through rather than its GIN index. One OR is one bitmap: a chunk
    -- that several conditions find is scored once.
    SELECT t.document_key, t.chunk_index, t.bm25
    FROM (
        SELECT $20::integer[] AS any_terms, $21::integer[] AS all_1, $22::integer[] AS all_2, $23::integer[] AS all_3,
            $24::integer[] AS all_4, $25::integer[] AS all_5, $26::integer[] AS all_6
        OFFSET 0
    ) AS q
    CROSS JOIN LATERAL (
        SELECT t.document_key, t.chunk_index, -(t.weights <#> $18::sparsevec) AS bm25
        FROM chunk_terms AS t
        WHERE t.index_id = :index_id
          AND (chunk_tokens(t.weights, t.tiers) && q.any_terms
            OR chunk_tokens(t.weights, t.tiers) @> q.all_1
            OR chunk_tokens(t.weights, t.tiers) @> q.all_2
            OR chunk_tokens(t.weights, t.tiers) @> q.all_3
            OR chunk_tokens(t.weights, t.tiers) @> q.all_4
            OR chunk_tokens(t.weights, t.tiers) @> q.all_5
            OR chunk_tokens(t.weights, t.tiers) @> q.all_6)
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
