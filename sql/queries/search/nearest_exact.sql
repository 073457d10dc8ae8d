-- Keys of the nearest chunks among all that pass the filter, measured one by one; as semantic_exact.
-- :document_filter
-- $18 embedding halfvec
-- $19 limit bigint
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> distance double precision
-- -> acl_count integer
SELECT e.document_key, e.chunk_index, d.document_id, (e.embedding <=> $18::halfvec) + 0 AS distance,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM documents AS d
JOIN chunk_embeddings AS e ON e.index_id = :index_id AND e.document_key = d.document_key
WHERE d.index_id = :index_id
  AND :document_filter
ORDER BY (e.embedding <=> $18::halfvec) + 0, d.document_id, e.chunk_index
LIMIT $19
