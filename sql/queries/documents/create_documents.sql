-- Inserts those of some documents that are not there, in the order of their keys. All of them stay locked, the
-- ones that were there as they were, until the transaction ends: whoever wrote those decides whether their
-- missing chunks may be added.
-- $1 rows jsonb         objects with the columns below
-- $2 written_by text
-- -> document_key uuid  of a document that was not there
INSERT INTO documents AS d (index_id, document_key, sanitised_key, document_id, acl_id, boost, chunk_count, hidden,
    created_at, updated_at, source_type, document_sets, tags, hierarchy_node_ids, project_ids, persona_ids, title,
    semantic_identifier, primary_owners, secondary_owners, metadata, written_by, revision)
SELECT :index_id, r.document_key, r.sanitised_key, r.document_id, r.acl_id, r.boost, r.chunk_count,
    coalesce(r.hidden, false), r.created_at, r.updated_at, r.source_type, r.document_sets, r.tags,
    r.hierarchy_node_ids, r.project_ids, r.persona_ids, r.title, r.semantic_identifier, r.primary_owners,
    r.secondary_owners, r.metadata, $2, 1
FROM jsonb_to_recordset($1::jsonb) AS r (document_key uuid, sanitised_key uuid, document_id text, acl_id integer,
    boost integer, chunk_count integer, hidden boolean, created_at timestamptz, updated_at timestamptz,
    source_type text, document_sets text[], tags text[], hierarchy_node_ids bigint[], project_ids bigint[],
    persona_ids bigint[], title text, semantic_identifier text, primary_owners text[], secondary_owners text[],
    metadata jsonb)
ORDER BY r.document_key
ON CONFLICT (index_id, document_key) DO UPDATE SET revision = d.revision WHERE false
RETURNING d.document_key
