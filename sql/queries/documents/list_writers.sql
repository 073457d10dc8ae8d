-- Who wrote documents: asked under their locks, what it says holds until the transaction ends.
-- $1 document_keys uuid[]
-- -> document_key uuid
-- -> written_by text
SELECT d.document_key, d.written_by
FROM documents AS d
WHERE d.index_id = :index_id AND d.document_key = ANY ($1::uuid[])
