-- The nearest chunks among all that pass the filter, by their keys.
-- :exact_scan
-- -> :nearest_keys
WITH nearest AS MATERIALIZED (
:exact_scan
)
:nearest_keys
