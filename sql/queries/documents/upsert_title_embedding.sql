-- Stores the embedding of a title, once per document; an equal one is left alone.
-- $1 document_key uuid
-- $2 embedding halfvec
INSERT INTO title_embeddings AS t (index_id, document_key, embedding)
VALUES (:index_id, $1, $2)
ON CONFLICT (index_id, document_key) DO UPDATE SET embedding = excluded.embedding
WHERE t.embedding IS DISTINCT FROM excluded.embedding
