-- The nearest chunks by the head of the HNSW graph, with what is shown of them.
-- :graph_head
-- -> :nearest_hits
WITH nearest AS MATERIALIZED (
:graph_head
)
:nearest_hits
