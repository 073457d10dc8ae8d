-- Removes a bit-quantised graph that was being built in the place of another when that was cut off.
DROP INDEX CONCURRENTLY IF EXISTS U&"chunk_embeddings_bit_hnsw_:index_id\005fccnew"
