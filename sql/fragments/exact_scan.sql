-- The nearest among all that pass the filter, measured one by one: recall is 1 by construction.
-- "+ 0" keeps the HNSW graph out of it under every plan mode; zero vectors have no direction and sort last.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
WITH allowed AS MATERIALIZED (
    SELECT d.document_key, d.document_id, d.chunk_count
    FROM documents AS d
    WHERE d.index_id = :index_id
      AND :document_filter
      AND :document_narrowing
)
SELECT e.document_key, e.chunk_index, a.document_id, (e.embedding <=> $18::halfvec) + 0 AS distance,
    (SELECT sum(a.chunk_count) FROM allowed AS a) AS measured
FROM allowed AS a
JOIN chunk_embeddings AS e ON e.index_id = :index_id AND e.document_key = a.document_key
ORDER BY (e.embedding <=> $18::halfvec) + 0, a.document_id, e.chunk_index
LIMIT $19
