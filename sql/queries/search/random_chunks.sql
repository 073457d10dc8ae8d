-- Random chunks of random documents that pass the filter. Keys are hashes, so the documents that follow a
-- random key are a random sample; with fewer than $19 documents every one of them is in it.
-- :document_filter
-- $18 pivot uuid      a random key
-- $19 limit bigint
-- -> :hit_columns
-- -> acl_count integer
WITH after_pivot AS MATERIALIZED (
    SELECT d.document_key
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key >= $18::uuid AND d.chunk_count > 0
      AND :document_filter
    ORDER BY d.document_key
    LIMIT $19
), before_pivot AS MATERIALIZED (
    SELECT d.document_key
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key < $18::uuid AND d.chunk_count > 0
      AND (SELECT count(*) FROM after_pivot) < $19
      AND :document_filter
    ORDER BY d.document_key
    LIMIT $19
)
SELECT :hit_columns,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM (SELECT p.document_key FROM after_pivot AS p UNION ALL SELECT p.document_key FROM before_pivot AS p) AS p
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = p.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = p.document_key
ORDER BY random()
LIMIT $19
