-- Keys of nearest AS n, the rows of graph_head, exact_scan or coarse_scan.
-- -> document_key uuid
-- -> chunk_index integer
-- -> document_id text
-- -> distance double precision
-- -> measured bigint      chunks that were measured; null where not all that pass are
-- -> acl_count integer
SELECT n.document_key, n.chunk_index, n.document_id, n.distance, n.measured,
    (SELECT max(s.acl_id) + 1 FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
FROM nearest AS n
ORDER BY n.distance, n.document_id, n.chunk_index
