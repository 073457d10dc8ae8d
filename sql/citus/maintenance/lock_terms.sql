-- A stretch of terms rows in the order of their keys, locked one after the other.
-- $1 after_key uuid
-- $2 after_chunk integer
-- $3 limit bigint
-- -> document_key uuid
-- -> chunk_index integer
-- -> length integer
-- -> weights sparsevec
SELECT t.document_key, t.chunk_index, t.length, t.weights
FROM lock_terms(:index_id, $1::uuid, $2::integer, $3::bigint) AS t
ORDER BY t.document_key, t.chunk_index
