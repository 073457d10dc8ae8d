-- The same for documents that are about to be deleted, there or not: the fence stays behind as a tombstone. One that
-- is known in a later version, or is another writer's, gives no row.
-- $1 document_keys uuid[]
-- $2 version bigint
-- $3 written_by text        null = whoever wrote them
-- -> document_key uuid
INSERT INTO document_versions AS v (index_id, document_key, version, deleted_at)
SELECT :index_id, n.document_key, $2, now()
FROM unnest($1::uuid[]) AS n (document_key)
WHERE n.document_key NOT IN (
    SELECT d.document_key
    FROM documents AS d
    WHERE d.index_id = :index_id AND d.document_key = ANY ($1) AND d.written_by <> $3
)
ORDER BY n.document_key
ON CONFLICT (index_id, document_key) DO UPDATE SET version = excluded.version, deleted_at = excluded.deleted_at
WHERE excluded.version >= v.version
RETURNING v.document_key
