-- Builds the bit-quantised HNSW graph of an index online: one sign a dimension; readers and writers go on.
CREATE INDEX CONCURRENTLY IF NOT EXISTS chunk_embeddings_bit_hnsw_:index_id
ON chunk_embeddings_:index_id USING hnsw ((binary_quantize(embedding)::bit(:dimension)) bit_hamming_ops)
WITH (m = :m, ef_construction = :ef_construction)
