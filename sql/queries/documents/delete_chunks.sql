-- Removes the rows of chunks of deleted documents.
-- $1 document_keys uuid[]
DELETE FROM chunks AS t
WHERE t.index_id = :index_id AND t.document_key = ANY ($1::uuid[])
