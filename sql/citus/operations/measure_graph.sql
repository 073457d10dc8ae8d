-- Distances of the nearest chunks by the HNSW graphs, looked for as thoroughly as is said.
-- $1 embedding halfvec
-- $2 limit bigint
-- $3 ef_search text
-- -> distance double precision
SELECT n.distance
FROM (
    SELECT e.embedding::halfvec(:dimension) <=> $1::halfvec(:dimension) AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id
    ORDER BY e.embedding::halfvec(:dimension) <=> searched_with($3::text, $1::halfvec)::halfvec(:dimension)
    LIMIT $2
) AS n
