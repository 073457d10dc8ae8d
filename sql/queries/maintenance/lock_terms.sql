-- A stretch of terms rows in the order of their keys, locked; rows that are being replaced are passed over,
-- since their writer weighs them.
-- $1 after_key uuid
-- $2 after_chunk integer
-- $3 limit bigint
-- -> document_key uuid
-- -> chunk_index integer
-- -> length integer
-- -> weights sparsevec
SELECT t.document_key, t.chunk_index, t.length, t.weights
FROM chunk_terms AS t
WHERE t.index_id = :index_id AND (t.document_key, t.chunk_index) > ($1::uuid, $2::integer)
ORDER BY t.document_key, t.chunk_index
LIMIT $3
FOR UPDATE SKIP LOCKED
