-- Distances of the nearest chunks, all of them measured.
-- $1 embedding halfvec
-- $2 limit bigint
-- -> distance double precision
SELECT (e.embedding <=> $1::halfvec) + 0 AS distance
FROM chunk_embeddings AS e
WHERE e.index_id = :index_id
ORDER BY (e.embedding <=> $1::halfvec) + 0
LIMIT $2
