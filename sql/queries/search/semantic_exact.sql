-- The nearest chunks among all that pass the filter, measured one by one: recall is 1 by construction.
-- "+ 0" keeps the HNSW graph out of it under every plan mode; zero vectors have no direction and sort last.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- -> :hit_columns
-- -> distance double precision
-- -> acl_count integer
WITH nearest AS MATERIALIZED (
    SELECT e.document_key, e.chunk_index, (e.embedding <=> $18::halfvec) + 0 AS distance, d.document_id
    FROM documents AS d
    JOIN chunk_embeddings AS e ON e.index_id = :index_id AND e.document_key = d.document_key
    WHERE d.index_id = :index_id
      AND :document_filter
    ORDER BY (e.embedding <=> $18::halfvec) + 0, d.document_id, e.chunk_index
    LIMIT $19
)
SELECT :hit_columns, n.distance,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM nearest AS n
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = n.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = n.document_key AND c.chunk_index = n.chunk_index
ORDER BY n.distance, d.document_id, n.chunk_index
