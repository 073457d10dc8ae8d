-- Single chunks as they are stored, to compare them with what a source says.
-- $1 document_keys uuid[]      one per chunk
-- $2 chunk_indexes integer[]
-- -> document_key uuid
-- -> chunk_index integer
-- -> content text
-- -> blurb text
-- -> doc_summary text
-- -> chunk_context text
-- -> metadata_suffix text
-- -> source_links jsonb
-- -> image_file_id text
-- -> embedding halfvec
SELECT c.document_key, c.chunk_index, c.content, c.blurb, c.doc_summary, c.chunk_context, c.metadata_suffix,
    c.source_links, c.image_file_id, e.embedding
FROM unnest($1::uuid[], $2::integer[]) AS g (document_key, chunk_index)
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = g.document_key AND c.chunk_index = g.chunk_index
LEFT JOIN chunk_embeddings AS e ON e.index_id = :index_id
    AND e.document_key = c.document_key AND e.chunk_index = c.chunk_index
