-- Builds the HNSW graph of an index online; readers and writers go on.
CREATE INDEX CONCURRENTLY IF NOT EXISTS chunk_embeddings_hnsw_:index_id
ON chunk_embeddings_:index_id USING hnsw ((embedding::halfvec(:dimension)) halfvec_cosine_ops)
WITH (m = :m, ef_construction = :ef_construction)
