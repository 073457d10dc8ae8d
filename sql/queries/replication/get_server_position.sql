-- Where a server stands in the write-ahead log, and which server it is.
-- -> in_recovery boolean
-- -> position bigint             bytes from the log's beginning: replayed by a standby, written by a primary
-- -> timeline integer            null if it is not told to this user
-- -> system_identifier bigint    the same on a primary and its standbys
-- -> started timestamptz
SELECT r.in_recovery,
    ((CASE WHEN r.in_recovery THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)
        - '0/0'::pg_lsn)::bigint AS position,
    CASE WHEN r.in_recovery THEN (SELECT w.received_tli FROM pg_stat_wal_receiver AS w)
        ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END AS timeline,
    (SELECT c.system_identifier FROM pg_control_system() AS c) AS system_identifier,
    pg_postmaster_start_time() AS started
FROM (SELECT pg_is_in_recovery() AS in_recovery) AS r
