-- What is stored of the chunks of some documents, to leave alone what would not change.
-- $1 document_keys uuid[]
-- -> document_key uuid
-- -> chunk_index integer
-- -> digest uuid
-- -> embedding_digest uuid
-- -> terms_digest uuid
SELECT c.document_key, c.chunk_index, c.digest, c.embedding_digest, c.terms_digest
FROM chunks AS c
WHERE c.index_id = :index_id AND c.document_key = ANY ($1::uuid[])
