-- Locks the fence of a document, if it has one, ahead of the document itself, as every writer does.
-- $1 document_key uuid
-- -> document_key uuid
SELECT v.document_key
FROM document_versions AS v
WHERE v.index_id = :index_id AND v.document_key = $1
FOR UPDATE
