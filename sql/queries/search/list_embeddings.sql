-- Embeddings of some chunks, in the order given.
-- $1 document_keys uuid[]
-- $2 chunk_indexes integer[]
-- -> embedding halfvec
SELECT e.embedding
FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS k(document_key, chunk_index, position)
JOIN chunk_embeddings AS e
  ON e.index_id = :index_id AND e.document_key = k.document_key AND e.chunk_index = k.chunk_index
ORDER BY k.position
