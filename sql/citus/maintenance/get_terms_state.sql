-- How many chunks an index has terms of, and how much was written, ever and since they were analysed.
-- -> chunks bigint
-- -> written bigint     rows inserted, updated and deleted since statistics were last reset
-- -> changed bigint     the same since the last ANALYZE
-- -> analysed boolean
SELECT s.live AS chunks, s.inserted + s.updated + s.deleted AS written, s.changed, s.analysed_at IS NOT NULL AS analysed
FROM shard_statistics('chunk_terms_' || :index_id) AS s
