-- Refreshes the statistics of an index's tables.
ANALYZE documents_:index_id, chunks_:index_id, chunk_embeddings_:index_id, chunk_terms_:index_id
