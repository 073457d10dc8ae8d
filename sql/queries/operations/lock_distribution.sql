-- What spreading the tables over the nodes of Citus depends on; migrations wait meanwhile.
-- -> citus boolean       the extension is there
-- -> migrated boolean
-- -> spread boolean      it is done
-- -> services boolean    some are connected
SELECT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'citus') AS citus,
    to_regclass('documents') IS NOT NULL AS migrated,
    to_regproc('shard_statistics') IS NOT NULL AS spread,
    EXISTS (SELECT FROM pg_stat_activity AS a
            WHERE a.datname = current_database() AND a.application_name ~ '^onyx-vector-search-') AS services
FROM (SELECT pg_advisory_xact_lock(4000)) AS l
