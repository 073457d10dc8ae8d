-- The nearest chunks by the head of the HNSW graph, by their keys.
-- :graph_head
-- -> :nearest_keys
WITH nearest AS MATERIALIZED (
:graph_head
)
:nearest_keys
