-- The nearest chunks by the head of the bit-quantised HNSW graph, with what is shown of them.
-- :bit_graph_head
-- -> :nearest_hits
WITH nearest AS MATERIALIZED (
:bit_graph_head
)
:nearest_hits
