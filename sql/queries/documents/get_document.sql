-- One document by its key.
-- $1 document_key uuid
-- -> document_key uuid
-- -> :document_columns
-- -> title_embedding halfvec
SELECT d.document_key, :document_columns, t.embedding AS title_embedding
FROM documents AS d
JOIN acl_sets AS a ON a.index_id = :index_id AND a.acl_id = d.acl_id
LEFT JOIN document_versions AS v ON v.index_id = :index_id AND v.document_key = d.document_key
LEFT JOIN title_embeddings AS t ON t.index_id = :index_id AND t.document_key = d.document_key
WHERE d.index_id = :index_id AND d.document_key = $1
