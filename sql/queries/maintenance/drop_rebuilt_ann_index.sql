-- Removes a graph that was being built in the place of another when that was cut off; \005f is an underscore, which
-- would otherwise be taken for a part of the literal's name.
DROP INDEX CONCURRENTLY IF EXISTS U&"chunk_embeddings_hnsw_:index_id\005fccnew"
