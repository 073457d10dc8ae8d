-- The nearest chunks by the HNSW graph, and of those the ones that pass the filter. If at least $19 do, the
-- answer is as exact as the graph itself; if fewer do, the caller asks semantic_exact.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 candidate_limit bigint   rows taken from the graph before the filter
-- -> :hit_columns
-- -> distance double precision
-- -> acl_count integer
WITH head AS MATERIALIZED (
    SELECT e.document_key, e.chunk_index, e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension) AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id
    ORDER BY e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension)
    LIMIT $20
), nearest AS MATERIALIZED (
    SELECT h.document_key, h.chunk_index, h.distance
    FROM head AS h
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
)
SELECT :hit_columns, n.distance,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM nearest AS n
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = n.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = n.document_key AND c.chunk_index = n.chunk_index
ORDER BY n.distance, d.document_id, n.chunk_index
