-- The same for documents whose metadata is about to change. One that is not there, or is known in a later version,
-- gives no row.
-- $1 document_keys uuid[]
-- $2 versions bigint[]
-- -> document_key uuid
INSERT INTO document_versions AS v (index_id, document_key, version)
SELECT :index_id, n.document_key, n.version
FROM unnest($1::uuid[], $2::bigint[]) AS n (document_key, version)
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = n.document_key
ORDER BY n.document_key
ON CONFLICT (index_id, document_key) DO UPDATE SET version = excluded.version, deleted_at = NULL
WHERE excluded.version >= v.version
RETURNING v.document_key
