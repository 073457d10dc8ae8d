-- How many chunks an index has, counted while that is cheap, and when and on how many it was analysed.
-- -> chunks bigint
-- -> analysed_chunks real
-- -> analysed_at timestamptz   null: never
SELECT CASE WHEN c.reltuples > 0 AND pg_relation_size(c.oid) > 64 * 1024 * 1024
            -- As the planner does: the density found by ANALYZE, times the pages there are now.
            THEN (c.reltuples / greatest(c.relpages, 1) * (pg_relation_size(c.oid) / 8192))::bigint
            ELSE (SELECT count(*) FROM chunk_terms AS t WHERE t.index_id = :index_id)
       END AS chunks,
    c.reltuples AS analysed_chunks,
    greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) AS analysed_at
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_terms_' || :index_id)
