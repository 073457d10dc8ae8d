-- The index that search_documents() reads.
-- $1 index_id integer
UPDATE indexes AS i SET is_default = true WHERE i.index_id = $1 AND NOT i.is_default
