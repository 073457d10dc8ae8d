-- Locks documents in the order of their keys, as every writer does, before several statements change them.
-- $1 document_keys uuid[]
-- -> document_key uuid
SELECT d.document_key
FROM documents AS d
WHERE d.index_id = :index_id AND d.document_key = ANY ($1::uuid[])
ORDER BY d.document_key
FOR UPDATE
