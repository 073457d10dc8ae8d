-- Keys of the nearest chunks by the HNSW graph, and of those the ones that pass the filter.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 candidate_limit bigint   rows taken from the graph before the filter
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> distance double precision
-- -> acl_count integer
WITH head AS MATERIALIZED (
    SELECT e.document_key, e.chunk_index, e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension) AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id
    ORDER BY e.embedding::halfvec(:dimension) <=> $18::halfvec(:dimension)
    LIMIT $20
)
SELECT h.document_key, h.chunk_index, d.document_id, h.distance,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM head AS h
CROSS JOIN LATERAL (
    SELECT d.document_id
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key = h.document_key
      AND :document_filter
    OFFSET 0
) AS d
ORDER BY h.distance, d.document_id, h.chunk_index
LIMIT $19
