-- Refreshes what the planner knows of an index's embeddings: without it, it takes the table for nearly empty
-- and sorts all of it instead of asking the graph.
ANALYZE chunk_embeddings_:index_id, documents_:index_id
