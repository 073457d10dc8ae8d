-- The nearest chunks by the head of the bit-quantised HNSW graph, by their keys.
-- :bit_graph_head
-- -> :nearest_keys
WITH nearest AS MATERIALIZED (
:bit_graph_head
)
:nearest_keys
