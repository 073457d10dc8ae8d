-- Removes single rows of chunks.
-- $1 document_keys uuid[]      one per row
-- $2 chunk_indexes integer[]
DELETE FROM chunks AS t
USING unnest($1::uuid[], $2::integer[]) AS g (document_key, chunk_index)
WHERE t.index_id = :index_id AND t.document_key = g.document_key AND t.chunk_index = g.chunk_index
