-- What is shown of documents AS d, acl_sets AS a and document_versions AS v.
-- -> document_id text
-- -> title text
-- -> semantic_identifier text
-- -> source_type text
-- -> metadata jsonb
-- -> acl_public boolean
-- -> acl_entries text[]
-- -> document_sets text[]
-- -> project_ids bigint[]
-- -> persona_ids bigint[]
-- -> hierarchy_node_ids bigint[]
-- -> boost integer
-- -> hidden boolean
-- -> created_at timestamptz
-- -> updated_at timestamptz
-- -> primary_owners text[]
-- -> secondary_owners text[]
-- -> written_by text
-- -> chunk_count integer
-- -> version bigint
d.document_id, d.title, d.semantic_identifier, d.source_type, d.metadata, a.public AS acl_public,
a.entries AS acl_entries, d.document_sets, d.project_ids, d.persona_ids, d.hierarchy_node_ids, d.boost, d.hidden,
d.created_at, d.updated_at, d.primary_owners, d.secondary_owners, d.written_by, d.chunk_count,
v.version
