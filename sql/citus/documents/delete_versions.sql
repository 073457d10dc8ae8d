-- Takes the fences away of documents that are about to be deleted without a version, locked one after the other.
-- $1 document_keys uuid[]
-- $2 written_by text        null = whoever wrote them
WITH doomed AS MATERIALIZED (
    SELECT l.document_key FROM lock_rows('document_versions', :index_id, $1::uuid[]) AS l (document_key)
)
DELETE FROM document_versions AS v
USING doomed AS x, documents AS d
WHERE v.index_id = :index_id AND v.document_key = x.document_key
  AND d.index_id = :index_id AND d.document_key = v.document_key
  AND ($2::text IS NULL OR d.written_by = $2)
