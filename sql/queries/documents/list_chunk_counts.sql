-- How many chunks the documents have that are there.
-- $1 document_keys uuid[]
-- -> document_key uuid
-- -> chunk_count integer
SELECT d.document_key, d.chunk_count
FROM documents AS d
WHERE d.index_id = :index_id AND d.document_key = ANY ($1::uuid[])
