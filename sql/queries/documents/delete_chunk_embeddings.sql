-- Removes the rows of chunk_embeddings of deleted documents.
-- $1 document_keys uuid[]
DELETE FROM chunk_embeddings AS t
WHERE t.index_id = :index_id AND t.document_key = ANY ($1::uuid[])
