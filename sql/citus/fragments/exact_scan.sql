-- In one step, so that each shard finds its own nearest.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
SELECT e.document_key, e.chunk_index, d.document_id, (e.embedding <=> $18::halfvec) + 0 AS distance,
    (
        SELECT sum(d.chunk_count)
        FROM documents AS d
        WHERE d.index_id = :index_id
          AND :document_filter
          AND :document_narrowing
    ) AS measured
FROM documents AS d
JOIN chunk_embeddings AS e ON e.index_id = :index_id AND e.document_key = d.document_key
WHERE d.index_id = :index_id
  AND :document_filter
  AND :document_narrowing
ORDER BY (e.embedding <=> $18::halfvec) + 0, d.document_id, e.chunk_index
LIMIT $19
