-- The nearest chunks of the nearest segments, by their keys.
-- :coarse_scan
-- -> :nearest_keys
WITH nearest AS MATERIALIZED (
:coarse_scan
)
:nearest_keys
