-- What is shown of nearest AS n, the rows of graph_head, exact_scan or coarse_scan.
-- -> :hit_columns
-- -> distance double precision
-- -> measured bigint      chunks that were measured; null where not all that pass are
-- -> acl_count integer
SELECT :hit_columns, n.distance, n.measured,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM nearest AS n
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = n.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = n.document_key AND c.chunk_index = n.chunk_index
ORDER BY n.distance, d.document_id, n.chunk_index
