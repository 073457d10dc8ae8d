-- Each shard has a graph of its own; rows that differ in few signs are taken from all of them, and measured.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 candidate_limit bigint   rows of the head before the filter
-- $21 rerank_limit bigint      rows taken from the graph, whose distances are measured
-- $22 ef_search text           candidates the graph keeps while it is searched, at most 1000
SELECT h.document_key, h.chunk_index, d.document_id, h.distance, NULL::bigint AS measured
FROM (
    SELECT r.document_key, r.chunk_index, r.distance
    FROM (
        SELECT e.document_key, e.chunk_index, (e.embedding <=> $18::halfvec) + 0 AS distance
        FROM chunk_embeddings AS e
        WHERE e.index_id = :index_id
        ORDER BY binary_quantize(e.embedding)::bit(:dimension) <~>
            binary_quantize(searched_with($22::text, $18::halfvec))::bit(:dimension)
        LIMIT $21
    ) AS r
    ORDER BY r.distance
    LIMIT $20
) AS h
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = h.document_key
WHERE :document_filter
ORDER BY h.distance, d.document_id, h.chunk_index
LIMIT $19
