-- Embeddings of the first chunks of some documents: a random sample, as keys are hashes.
-- $1 limit bigint
-- -> embedding halfvec
SELECT e.embedding
FROM chunk_embeddings AS e
WHERE e.index_id = :index_id AND e.chunk_index = 0
ORDER BY e.document_key
LIMIT $1
