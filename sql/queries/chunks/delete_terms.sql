-- Removes single rows of chunk_terms.
-- $1 document_keys uuid[]      one per row
-- $2 chunk_indexes integer[]
DELETE FROM chunk_terms AS t
USING unnest($1::uuid[], $2::integer[]) AS g (document_key, chunk_index)
WHERE t.index_id = :index_id AND t.document_key = g.document_key AND t.chunk_index = g.chunk_index
