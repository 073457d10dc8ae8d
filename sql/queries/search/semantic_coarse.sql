-- The nearest chunks of the nearest segments, with what is shown of them.
-- :coarse_scan
-- -> :nearest_hits
WITH nearest AS MATERIALIZED (
:coarse_scan
)
:nearest_hits
