-- With a join where a look-up would bring the keys of all documents to the coordinator.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- $20 segment_limit bigint      segments whose chunks are measured
-- $21 segment_chunks bigint    chunks of a segment
WITH coarse AS MATERIALIZED (
    SELECT s.document_key, s.segment
    FROM chunk_segments AS s
    JOIN documents AS d ON d.index_id = :index_id AND d.document_key = s.document_key
    WHERE s.index_id = :index_id
      AND :document_filter
      AND :document_narrowing
    ORDER BY (s.embedding <=> $18::halfvec) + 0, s.document_key, s.segment
    LIMIT $20
), fine AS MATERIALIZED (
    SELECT e.document_key, e.chunk_index, (e.embedding <=> $18::halfvec) + 0 AS distance
    FROM coarse AS c
    JOIN chunk_embeddings AS e
      ON e.index_id = :index_id AND e.document_key = c.document_key
     AND e.chunk_index BETWEEN c.segment * $21::bigint AND c.segment * $21 + $21 - 1
    ORDER BY (e.embedding <=> $18::halfvec) + 0, e.document_key, e.chunk_index
    LIMIT $19
)
SELECT f.document_key, f.chunk_index, d.document_id, f.distance, NULL::bigint AS measured
FROM fine AS f
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = f.document_key
ORDER BY f.distance, d.document_id, f.chunk_index
