-- How many chunks an index has terms of, and how much was written, ever and since they were analysed.
-- -> chunks bigint
-- -> written bigint     rows inserted, updated and deleted since statistics were last reset
-- -> changed bigint     the same since the last ANALYZE
-- -> analysed boolean
SELECT pg_stat_get_live_tuples(c.oid) AS chunks,
    pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) AS written,
    pg_stat_get_mod_since_analyze(c.oid) AS changed, c.reltuples >= 0 AS analysed
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_terms_' || :index_id)
