-- Stored chunks as they are, whoever may read them and hidden or not, in the order of document id and chunk.
-- One page of the documents asked for, after a position.
-- Embeddings are joined whether they are asked for or not: Citus takes no join on nothing.
-- $1 document_keys uuid[]
-- $2 after_document_id text       null at the first page
-- $3 after_chunk_index integer
-- $4 limit bigint
-- $5 with_embeddings boolean
-- -> :hit_columns
-- -> embedding halfvec
-- -> acl_public boolean
-- -> acl_entries text[]
-- -> project_ids bigint[]
-- -> persona_ids bigint[]
-- -> hierarchy_node_ids bigint[]
-- -> written_by text
-- -> tags text[]
SELECT :hit_columns, CASE WHEN $5::boolean THEN e.embedding END AS embedding, a.public AS acl_public,
    a.entries AS acl_entries, d.project_ids, d.persona_ids, d.hierarchy_node_ids, d.written_by, d.tags
FROM documents AS d
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = d.document_key
JOIN acl_sets AS a ON a.index_id = :index_id AND a.acl_id = d.acl_id
LEFT JOIN chunk_embeddings AS e ON e.index_id = :index_id
    AND e.document_key = c.document_key AND e.chunk_index = c.chunk_index
WHERE d.index_id = :index_id
  AND d.document_key = ANY ($1::uuid[])
  AND ($2::text IS NULL OR (d.document_id, c.chunk_index) > ($2, $3::integer))
ORDER BY d.document_id, c.chunk_index
LIMIT $4
