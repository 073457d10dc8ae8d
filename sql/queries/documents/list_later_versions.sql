-- Which documents are known in a later version than this.
-- $1 document_keys uuid[]
-- $2 version bigint
-- -> document_key uuid
SELECT v.document_key
FROM document_versions AS v
WHERE v.index_id = :index_id AND v.document_key = ANY ($1::uuid[]) AND v.version > $2
