-- Deletes documents; their chunks follow in statements of their own, which see what a writer that was waited
-- for has committed. Rows are locked in the order of their keys, as every writer does.
-- $1 document_keys uuid[]
-- $2 written_by text        null = whoever wrote them
-- -> document_key uuid
-- -> chunk_count integer
WITH doomed AS MATERIALIZED (
    SELECT d.document_key
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key = ANY ($1::uuid[])
    ORDER BY d.document_key
    FOR UPDATE
)
DELETE FROM documents AS d
USING doomed AS x
WHERE d.index_id = :index_id AND d.document_key = x.document_key
  AND ($2::text IS NULL OR d.written_by = $2)
RETURNING d.document_key, d.chunk_count
