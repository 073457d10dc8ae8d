-- Sets the chunk count of documents whose chunks were added one page after another.
-- $1 document_keys uuid[]
-- -> document_key uuid
-- -> chunk_count integer
UPDATE documents AS d
SET chunk_count = (SELECT count(*) FROM chunks AS c WHERE c.index_id = :index_id AND c.document_key = d.document_key)
WHERE d.index_id = :index_id AND d.document_key = ANY ($1::uuid[])
RETURNING d.document_key, d.chunk_count
