-- Embeddings of chunks of documents at a random place: keys are hashes.
-- $1 pivot uuid
-- $2 limit bigint   documents
-- -> embedding halfvec
SELECT e.embedding
FROM (
    SELECT d.document_key, d.chunk_count
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key >= $1::uuid AND d.chunk_count > 0
    ORDER BY d.document_key
    LIMIT $2
) AS d
CROSS JOIN LATERAL (
    SELECT e.embedding
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id AND e.document_key = d.document_key
    ORDER BY e.chunk_index
    LIMIT 1 OFFSET floor(random() * d.chunk_count)
) AS e
