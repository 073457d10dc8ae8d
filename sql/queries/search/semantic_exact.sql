-- The nearest chunks among all that pass the filter, with what is shown of them.
-- :exact_scan
-- -> :nearest_hits
WITH nearest AS MATERIALIZED (
:exact_scan
)
:nearest_hits
