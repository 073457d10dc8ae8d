-- The first documents of an index, for deleting in bounded steps.
-- $1 limit bigint
-- -> document_key uuid
SELECT d.document_key
FROM documents AS d
WHERE d.index_id = :index_id
ORDER BY d.document_key
LIMIT $1
