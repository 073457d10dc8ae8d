-- What a hit shows of chunks AS c and documents AS d.
-- -> document_id text
-- -> chunk_index integer
-- -> content text
-- -> title text
-- -> semantic_identifier text
-- -> source_type text
-- -> blurb text
-- -> source_links jsonb
-- -> image_file_id text
-- -> doc_summary text
-- -> chunk_context text
-- -> metadata_suffix text
-- -> metadata jsonb
-- -> document_sets text[]
-- -> boost integer
-- -> hidden boolean
-- -> created_at timestamptz
-- -> updated_at timestamptz
-- -> primary_owners text[]
-- -> secondary_owners text[]
d.document_id, c.chunk_index, c.content, d.title, d.semantic_identifier, d.source_type, c.blurb, c.source_links,
c.image_file_id, c.doc_summary, c.chunk_context, c.metadata_suffix, d.metadata, d.document_sets, d.boost, d.hidden,
d.created_at, d.updated_at, d.primary_owners, d.secondary_owners
