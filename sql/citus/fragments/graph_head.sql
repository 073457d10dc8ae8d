-- Each shard has a graph of its own, and gives as many rows as all of them are to give.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 candidate_limit bigint   rows taken from the graphs before the filter
-- $21 ef_search text           candidates each graph keeps while it is searched, at most 1000
SELECT h.document_key, h.chunk_index, d.document_id, h.distance, NULL::bigint AS measured
FROM (
    SELECT e.document_key, e.chunk_index, e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension) AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id
    ORDER BY e.embedding::halfvec(:dimension) <=> searched_with($21::text, $18::halfvec)::halfvec(:dimension)
    LIMIT $20
) AS h
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = h.document_key
WHERE :document_filter
ORDER BY h.distance, d.document_id, h.chunk_index
LIMIT $19
