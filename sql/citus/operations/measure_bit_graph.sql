-- Distances of the nearest of the chunks that the bit-quantised HNSW graph takes for near, as many as are measured.
-- $1 embedding halfvec
-- $2 limit bigint
-- $3 rerank_limit bigint
-- $4 ef_search text
-- -> distance double precision
SELECT n.distance
FROM (
    SELECT (e.embedding <=> $1::halfvec) + 0 AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id
    ORDER BY binary_quantize(e.embedding)::bit(:dimension) <~> binary_quantize(searched_with($4::text, $1::halfvec))::bit(:dimension)
    LIMIT $3
) AS n
ORDER BY n.distance
LIMIT $2
