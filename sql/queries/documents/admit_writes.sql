-- Takes note of the versions of documents that are about to be written, and has their fences alone until the
-- transaction ends. A document that is known in a later version, or was deleted at this one or a later, gives no row.
-- $1 document_keys uuid[]
-- $2 versions bigint[]
-- $3 only_new boolean     documents that are there are left as they are, and give no row
-- -> document_key uuid
INSERT INTO document_versions AS v (index_id, document_key, version)
SELECT :index_id, n.document_key, n.version
FROM unnest($1::uuid[], $2::bigint[]) AS n (document_key, version)
WHERE NOT $3::boolean
   OR n.document_key NOT IN (
       SELECT d.document_key FROM documents AS d WHERE d.index_id = :index_id AND d.document_key = ANY ($1)
   )
ORDER BY n.document_key
ON CONFLICT (index_id, document_key) DO UPDATE SET version = excluded.version, deleted_at = NULL
WHERE excluded.version > v.version OR (excluded.version = v.version AND v.deleted_at IS NULL)
RETURNING v.document_key
