-- Says how the HNSW graph of an index is to hold embeddings; the maintainer builds it.
-- $1 quantisation text   none or bit
-- -> :index_columns
UPDATE indexes AS i SET quantisation = $1 WHERE i.index_id = :index_id
RETURNING :index_columns
