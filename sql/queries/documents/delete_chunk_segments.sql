-- Removes the rows of chunk_segments of deleted documents.
-- $1 document_keys uuid[]
DELETE FROM chunk_segments AS t
WHERE t.index_id = :index_id AND t.document_key = ANY ($1::uuid[])
