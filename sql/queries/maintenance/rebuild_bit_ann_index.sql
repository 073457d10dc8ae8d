-- Builds the bit-quantised HNSW graph of an index anew; the old one answers until then.
REINDEX INDEX CONCURRENTLY chunk_embeddings_bit_hnsw_:index_id
