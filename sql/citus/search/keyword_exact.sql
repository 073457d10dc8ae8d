-- Each shard filters, and gives its best.
-- :document_filter
-- $18 query sparsevec   weights of the query's terms
-- $19 limit bigint
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
      AND -(t.weights <#> $18::sparsevec) > 0
      AND :document_filter
      AND :document_narrowing
    ORDER BY -(t.weights <#> $18::sparsevec) DESC, d.document_id, t.chunk_index
    LIMIT $19
)
SELECT b.document_key, b.chunk_index, b.document_id, b.bm25,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM best AS b
ORDER BY b.bm25 DESC, b.document_id, b.chunk_index
