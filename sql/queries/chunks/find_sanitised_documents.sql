-- Documents found by their id with ' written as _, for ids that no document has as they stand.
-- $1 document_keys uuid[]   of the ids asked for
-- -> asked_key uuid
-- -> document_key uuid
SELECT DISTINCT ON (d.sanitised_key) d.sanitised_key AS asked_key, d.document_key
FROM documents AS d
WHERE d.index_id = :index_id
  AND d.sanitised_key = ANY ($1::uuid[])
  AND d.sanitised_key NOT IN (
      SELECT r.document_key FROM documents AS r WHERE r.index_id = :index_id AND r.document_key = ANY ($1)
  )
ORDER BY d.sanitised_key, d.document_id
