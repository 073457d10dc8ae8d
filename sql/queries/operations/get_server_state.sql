-- What readiness asks: can we talk, is pgvector there, may we write.
-- -> postgres_version integer
-- -> pgvector_version text
-- -> read_only boolean
-- -> has_schema boolean
SELECT current_setting('server_version_num')::integer AS postgres_version,
    (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'vector') AS pgvector_version,
    pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
    to_regclass('alembic_version') IS NOT NULL AS has_schema
