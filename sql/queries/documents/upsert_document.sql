-- Inserts a document or replaces everything about it; the row stays locked until the transaction ends, which
-- is what serialises the writers of one document. hidden null keeps what was there. A document that is there and
-- would not change is locked, not written, and gives no row.
-- $1 document_key uuid
-- $2 sanitised_key uuid
-- $3 document_id text
-- $4 acl_id integer
-- $5 boost integer
-- $6 chunk_count integer
-- $7 hidden boolean
-- $8 created_at timestamptz
-- $9 updated_at timestamptz
-- $10 source_type text
-- $11 document_sets text[]
-- $12 tags text[]
-- $13 hierarchy_node_ids bigint[]
-- $14 project_ids bigint[]
-- $15 persona_ids bigint[]
-- $16 title text
-- $17 semantic_identifier text
-- $18 primary_owners text[]
-- $19 secondary_owners text[]
-- $20 metadata jsonb
-- $21 written_by text
-- -> document_key uuid
-- -> already_existed boolean
INSERT INTO documents AS d (index_id, document_key, sanitised_key, document_id, acl_id, boost, chunk_count, hidden,
    created_at, updated_at, source_type, document_sets, tags, hierarchy_node_ids, project_ids, persona_ids, title,
    semantic_identifier, primary_owners, secondary_owners, metadata, written_by, revision)
VALUES (:index_id, $1, $2, $3, $4, $5, $6, coalesce($7::boolean, false), $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, 1)
ON CONFLICT (index_id, document_key) DO UPDATE SET
    acl_id = excluded.acl_id, boost = excluded.boost, chunk_count = excluded.chunk_count,
    hidden = coalesce($7::boolean, d.hidden), created_at = excluded.created_at, updated_at = excluded.updated_at,
    source_type = excluded.source_type, document_sets = excluded.document_sets, tags = excluded.tags,
    hierarchy_node_ids = excluded.hierarchy_node_ids, project_ids = excluded.project_ids,
    persona_ids = excluded.persona_ids, title = excluded.title, semantic_identifier = excluded.semantic_identifier,
    primary_owners = excluded.primary_owners, secondary_owners = excluded.secondary_owners,
    metadata = excluded.metadata, written_by = excluded.written_by, revision = d.revision + 1
WHERE (d.acl_id, d.boost, d.chunk_count, d.hidden, d.created_at, d.updated_at, d.source_type, d.document_sets, d.tags,
    d.hierarchy_node_ids, d.project_ids, d.persona_ids, d.title, d.semantic_identifier, d.primary_owners,
    d.secondary_owners, d.metadata, d.written_by)
    IS DISTINCT FROM (excluded.acl_id, excluded.boost, excluded.chunk_count, coalesce($7::boolean, d.hidden),
    excluded.created_at, excluded.updated_at, excluded.source_type, excluded.document_sets, excluded.tags,
    excluded.hierarchy_node_ids, excluded.project_ids, excluded.persona_ids, excluded.title,
    excluded.semantic_identifier, excluded.primary_owners, excluded.secondary_owners, excluded.metadata,
    excluded.written_by)
RETURNING d.document_key, d.revision > 1 AS already_existed
