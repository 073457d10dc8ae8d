-- Embeddings of chunks of documents at a random place: keys are hashes.
-- $1 pivot uuid
-- $2 limit bigint   documents
-- -> embedding halfvec
WITH sampled AS MATERIALIZED (
    SELECT d.document_key
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key >= $1::uuid AND d.chunk_count > 0
    ORDER BY d.document_key
    LIMIT $2
), found AS MATERIALIZED (
    SELECT e.document_key, e.embedding
    FROM sampled AS s
    JOIN chunk_embeddings AS e ON e.index_id = :index_id AND e.document_key = s.document_key
)
SELECT DISTINCT ON (f.document_key) f.embedding
FROM found AS f
ORDER BY f.document_key, random()
