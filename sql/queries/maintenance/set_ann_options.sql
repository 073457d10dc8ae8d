-- Lets the next build of a graph take more care.
ALTER INDEX IF EXISTS chunk_embeddings_hnsw_:index_id SET (m = :m, ef_construction = :ef_construction)
