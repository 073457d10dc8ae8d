-- Removes a bit-quantised graph, such as one whose build was interrupted.
DROP INDEX CONCURRENTLY IF EXISTS chunk_embeddings_bit_hnsw_:index_id
