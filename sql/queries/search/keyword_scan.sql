-- The best chunks by BM25 of a whole index, measured one by one, that pass the filter: for small indexes.
-- Documents are looked up from the best chunk on, as in keyword_candidates.
-- :document_filter
-- $18 query sparsevec   weights of the query's terms
-- $19 limit bigint
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> bm25 double precision
-- -> acl_count integer
WITH scored AS MATERIALIZED (
    SELECT t.document_key, t.chunk_index, -(t.weights <#> $18::sparsevec) AS bm25
    FROM chunk_terms AS t
    WHERE t.index_id = :index_id
), best AS MATERIALIZED (
    SELECT s.document_key, s.chunk_index, d.document_id, s.bm25
    FROM (
        SELECT s.document_key, s.chunk_index, s.bm25
        FROM scored AS s
        WHERE s.bm25 > 0
        ORDER BY s.bm25 DESC
        OFFSET 0
    ) AS s
    CROSS JOIN LATERAL (
        SELECT d.document_id
        FROM documents AS d
        WHERE d.index_id = :index_id AND d.document_key = s.document_key
          AND :document_filter
        OFFSET 0
    ) AS d
    ORDER BY s.bm25 DESC
    FETCH FIRST ($19) ROWS WITH TIES
)
SELECT b.document_key, b.chunk_index, b.document_id, b.bm25,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM best AS b
ORDER BY b.bm25 DESC, b.document_id, b.chunk_index
LIMIT $19
