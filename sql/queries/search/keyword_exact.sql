-- The best chunks by BM25 of the documents that pass the filter, measured one by one: for filters that leave
-- few, and where nothing less than exact will do.
-- :document_filter
-- $18 query sparsevec   weights of the query's terms
-- $19 limit bigint
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> bm25 double precision
-- -> acl_count integer
WITH scored AS MATERIALIZED (
    SELECT t.document_key, t.chunk_index, d.document_id, -(t.weights <#> $18::sparsevec) AS bm25
    FROM documents AS d
    JOIN chunk_terms AS t ON t.index_id = :index_id AND t.document_key = d.document_key
    WHERE d.index_id = :index_id
      AND :document_filter
      AND :document_narrowing
)
SELECT s.document_key, s.chunk_index, s.document_id, s.bm25,
    (SELECT max(a.acl_id) + 1 FROM acl_sets AS a WHERE a.index_id = :index_id) AS acl_count
FROM scored AS s
WHERE s.bm25 > 0
ORDER BY s.bm25 DESC, s.document_id, s.chunk_index
LIMIT $19
