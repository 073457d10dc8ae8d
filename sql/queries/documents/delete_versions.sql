-- Takes the fences away of documents that are about to be deleted without a version; locked in the order of their
-- keys and ahead of the documents, as every writer does. Tombstones stay.
-- $1 document_keys uuid[]
-- $2 written_by text        null = whoever wrote them
WITH doomed AS MATERIALIZED (
    SELECT v.document_key
    FROM document_versions AS v
    WHERE v.index_id = :index_id AND v.document_key = ANY ($1::uuid[])
      AND EXISTS (
          SELECT FROM documents AS d
          WHERE d.index_id = :index_id AND d.document_key = v.document_key
            AND ($2::text IS NULL OR d.written_by = $2)
      )
    ORDER BY v.document_key
    FOR UPDATE
)
DELETE FROM document_versions AS v
USING doomed AS x
WHERE v.index_id = :index_id AND v.document_key = x.document_key
