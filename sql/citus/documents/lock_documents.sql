-- Locks documents in the order of their keys, one after the other.
-- $1 document_keys uuid[]
-- -> document_key uuid
SELECT l.document_key FROM lock_rows('documents', :index_id, $1::uuid[]) AS l (document_key)
