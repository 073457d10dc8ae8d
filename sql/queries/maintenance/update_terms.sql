-- Weighs the terms of a chunk anew.
-- $1 document_key uuid
-- $2 chunk_index integer
-- $3 weights sparsevec
-- $4 tokens integer[]
UPDATE chunk_terms AS t
SET weights = $3, tokens = $4
WHERE t.index_id = :index_id AND t.document_key = $1 AND t.chunk_index = $2
