-- Where pgvector's types live; no row without the extension.
-- -> schema name
SELECT n.nspname AS schema
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typname = 'halfvec'
