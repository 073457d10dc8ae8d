-- What is stored of single chunks, to leave alone what is there.
-- $1 document_keys uuid[]      one per chunk
-- $2 chunk_indexes integer[]
-- -> document_key uuid
-- -> chunk_index integer
-- -> digest uuid
-- -> embedding_digest uuid
-- -> terms_digest uuid
SELECT c.document_key, c.chunk_index, c.digest, c.embedding_digest, c.terms_digest
FROM unnest($1::uuid[], $2::integer[]) AS g (document_key, chunk_index)
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = g.document_key AND c.chunk_index = g.chunk_index
