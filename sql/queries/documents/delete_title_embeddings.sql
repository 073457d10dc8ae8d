-- Removes the rows of title_embeddings of deleted documents.
-- $1 document_keys uuid[]
DELETE FROM title_embeddings AS t
WHERE t.index_id = :index_id AND t.document_key = ANY ($1::uuid[])
