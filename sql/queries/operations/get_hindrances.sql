-- What holds up vacuum, graphs (old transactions, a time limit of the role) and the archive; the newest pgvector.
-- -> oldest_transaction double precision
-- -> idle_slots text[]
-- -> archive_failing boolean
-- -> pgvector_available text
-- -> own_timeout boolean
SELECT coalesce((SELECT extract(epoch FROM max(now() - a.xact_start))::double precision
                 FROM pg_stat_activity AS a
                 WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()), 0.0) AS oldest_transaction,
    ARRAY(SELECT r.slot_name::text FROM pg_replication_slots AS r WHERE NOT r.active ORDER BY 1) AS idle_slots,
    coalesce((SELECT w.last_failed_time > coalesce(w.last_archived_time, '-infinity') FROM pg_stat_archiver AS w),
             false) AS archive_failing,
    (SELECT e.default_version FROM pg_available_extensions AS e WHERE e.name = 'vector') AS pgvector_available,
    EXISTS (SELECT FROM pg_db_role_setting AS d, unnest(d.setconfig) AS c (line)
            WHERE d.setrole IN (0, current_user::regrole) AND c.line ~ '^statement_timeout=.*[1-9]'
              AND d.setdatabase IN (0, (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database()))
           ) AS own_timeout
