-- The chunks of some documents as they are stored, in order.
-- Embeddings are joined whether they are asked for or not: Citus takes no join on nothing.
-- $1 document_keys uuid[]
-- $2 with_embeddings boolean
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
    c.source_links, c.image_file_id, CASE WHEN $2::boolean THEN e.embedding END AS embedding
FROM chunks AS c
LEFT JOIN chunk_embeddings AS e ON e.index_id = :index_id
    AND e.document_key = c.document_key AND e.chunk_index = c.chunk_index
WHERE c.index_id = :index_id AND c.document_key = ANY ($1::uuid[])
ORDER BY c.document_key, c.chunk_index
