-- The head of the bit-quantised HNSW graph, and of it what passes the filter, nearest first: rows that differ in few signs
-- are taken from the graph, and the nearest of them by the stored embeddings are the head.
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
        -- The subquery runs once, before the graph is entered: a setting of this statement without a round trip.
        WHERE e.index_id = :index_id AND (SELECT set_config('hnsw.ef_search', $22::text, true)) IS NOT NULL
        ORDER BY binary_quantize(e.embedding)::bit(:dimension) <~> binary_quantize($18::halfvec)::bit(:dimension)
        LIMIT $21
    ) AS r
    ORDER BY r.distance
    LIMIT $20
) AS h
-- OFFSET 0 keeps this a look-up per candidate, as in graph_head.
CROSS JOIN LATERAL (
    SELECT d.document_id
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key = h.document_key
      AND :document_filter
    OFFSET 0
) AS d
ORDER BY h.distance, d.document_id, h.chunk_index
LIMIT $19
