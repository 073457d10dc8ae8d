-- How many chunks an index has terms of, and how many changed since they were analysed.
-- -> chunks bigint
-- -> changed bigint
-- -> analysed boolean
SELECT greatest(pg_stat_get_live_tuples(c.oid), 0) AS chunks, pg_stat_get_mod_since_analyze(c.oid) AS changed,
    c.reltuples >= 0 AS analysed
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_terms_' || :index_id)
