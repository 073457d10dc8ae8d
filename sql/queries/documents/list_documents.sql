-- One page of all documents, hidden or not, in the order of their keys: no cap, and stable while others write.
-- $1 after uuid       null at the first page
-- $2 limit bigint
-- -> document_key uuid
-- -> :document_columns
-- -> title_embedding halfvec
SELECT d.document_key, :document_columns, t.embedding AS title_embedding
FROM documents AS d
JOIN acl_sets AS a ON a.index_id = :index_id AND a.acl_id = d.acl_id
LEFT JOIN document_versions AS v ON v.index_id = :index_id AND v.document_key = d.document_key
LEFT JOIN title_embeddings AS t ON t.index_id = :index_id AND t.document_key = d.document_key
WHERE d.index_id = :index_id AND ($1::uuid IS NULL OR d.document_key > $1)
ORDER BY d.document_key
LIMIT $2
