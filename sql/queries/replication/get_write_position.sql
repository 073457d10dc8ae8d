-- A place in the write-ahead log that is behind everything this session has committed.
-- -> position bigint  bytes from the log's beginning
SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS position
