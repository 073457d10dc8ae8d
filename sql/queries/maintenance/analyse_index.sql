-- Refreshes the statistics of an index's tables: without them the planner takes the tables for nearly empty, sorts
-- all embeddings instead of asking the graph, and reads all chunks instead of those that were found. Those of its
-- terms cost most and have a statement of their own.
ANALYZE documents_:index_id, chunks_:index_id, chunk_embeddings_:index_id, chunk_segments_:index_id
