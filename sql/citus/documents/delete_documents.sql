-- Deletes documents, locked one after the other.
-- $1 document_keys uuid[]
-- $2 written_by text        null = whoever wrote them
-- -> document_key uuid
-- -> chunk_count integer
WITH doomed AS MATERIALIZED (
    SELECT l.document_key FROM lock_rows('documents', :index_id, $1::uuid[]) AS l (document_key)
)
DELETE FROM documents AS d
USING doomed AS x
WHERE d.index_id = :index_id AND d.document_key = x.document_key
  AND ($2::text IS NULL OR d.written_by = $2)
RETURNING d.document_key, d.chunk_count
