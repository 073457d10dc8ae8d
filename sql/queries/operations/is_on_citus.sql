-- Whether the migrations found Citus and spread the tables over its nodes.
-- -> on_citus boolean
SELECT to_regproc('shard_statistics') IS NOT NULL AS on_citus
