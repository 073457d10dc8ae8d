-- Changes what may change about documents without touching text or vectors; null leaves a field as it is.
-- $1 document_keys uuid[]
-- $2 acl_id integer
-- $3 document_sets text[]
-- $4 boost integer
-- $5 hidden boolean
-- $6 project_ids bigint[]
-- $7 persona_ids bigint[]
-- $8 hierarchy_node_ids bigint[]
-- $9 created_at timestamptz
-- $10 updated_at timestamptz
-- $11 metadata jsonb
-- $12 tags text[]
-- -> document_key uuid
-- -> chunk_count integer
WITH locked AS MATERIALIZED (
    SELECT l.document_key FROM lock_rows('documents', :index_id, $1::uuid[]) AS l (document_key)
)
UPDATE documents AS d
SET acl_id = coalesce($2, d.acl_id),
    document_sets = coalesce($3, d.document_sets),
    boost = coalesce($4, d.boost),
    hidden = coalesce($5, d.hidden),
    project_ids = coalesce($6, d.project_ids),
    persona_ids = coalesce($7, d.persona_ids),
    hierarchy_node_ids = coalesce($8, d.hierarchy_node_ids),
    created_at = coalesce($9, d.created_at),
    updated_at = coalesce($10, d.updated_at),
    metadata = coalesce($11, d.metadata),
    tags = coalesce($12, d.tags)
FROM locked AS l
WHERE d.index_id = :index_id AND d.document_key = l.document_key
RETURNING d.document_key, d.chunk_count
