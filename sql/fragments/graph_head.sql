-- The head of the HNSW graph, and of it what passes the filter, nearest first: as exact as the graph where $19 pass.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 candidate_limit bigint   rows taken from the graph before the filter
-- $21 ef_search text           candidates the graph keeps while it is searched, at most 1000
SELECT h.document_key, h.chunk_index, d.document_id, h.distance, NULL::bigint AS measured
FROM (
    SELECT e.document_key, e.chunk_index, e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension) AS distance
    FROM chunk_embeddings AS e
    -- The subquery runs once, before the graph is entered: a setting of this statement without a round trip.
    WHERE e.index_id = :index_id AND (SELECT set_config('hnsw.ef_search', $21::text, true)) IS NOT NULL
    ORDER BY e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension)
    LIMIT $20
) AS h
-- OFFSET 0 keeps this a look-up per candidate: joined freely, the planner filters every document first,
-- since it takes the filter to leave one, and compares each with the whole head.
CROSS JOIN LATERAL (
    SELECT d.document_id
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key = h.document_key
      AND :document_filter
    OFFSET 0
) AS d
ORDER BY h.distance, d.document_id, h.chunk_index
LIMIT $19
