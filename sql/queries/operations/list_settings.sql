-- Settings of the server as this login sees them: as text, and in bytes where they are memory.
-- $1 names text[]
-- -> name text
-- -> setting text
-- -> bytes bigint
SELECT s.name, s.setting,
    CASE WHEN s.unit IN ('B', 'kB', '8kB', 'MB') THEN pg_size_bytes(current_setting(s.name)) END AS bytes
FROM pg_settings AS s
WHERE s.name = ANY ($1::text[])
