-- One page of all documents with no more than what counting needs, in the order of their keys.
-- $1 after uuid       null at the first page
-- $2 limit bigint
-- -> document_key uuid
-- -> document_id text
-- -> chunk_count integer
-- -> written_by text
SELECT d.document_key, d.document_id, d.chunk_count, d.written_by
FROM documents AS d
WHERE d.index_id = :index_id AND ($1::uuid IS NULL OR d.document_key > $1)
ORDER BY d.document_key
LIMIT $2
