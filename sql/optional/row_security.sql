-- A second wall, for those who read beside the service: a role sees the indexes of its tenants and nothing else.
-- Run it as the owner of the tables, which is the role of the service; the owner passes (ADR 0010). Again is harmless.
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 --single-transaction -f sql/optional/row_security.sql
--   CREATE ROLE acme_reports LOGIN PASSWORD '…' IN ROLE vector_search_reader;
--   INSERT INTO tenant_readers VALUES ('acme_reports', 'acme');
-- Who somebody is, is the role they logged in by: unlike a setting, nobody can change their own.
DO $$
DECLARE
    parent text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vector_search_reader') THEN
        CREATE ROLE vector_search_reader NOLOGIN;
    END IF;
    CREATE TABLE IF NOT EXISTS tenant_readers (
        role_name name NOT NULL,
        tenant_id text NOT NULL,
        PRIMARY KEY (role_name, tenant_id)
    );
    ALTER TABLE tenant_readers ENABLE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS own_tenants ON tenant_readers;
    CREATE POLICY own_tenants ON tenant_readers FOR SELECT TO vector_search_reader USING (role_name = session_user);
    GRANT SELECT ON tenant_readers TO vector_search_reader;

    ALTER TABLE indexes ENABLE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS own_tenants ON indexes;
    CREATE POLICY own_tenants ON indexes FOR SELECT TO vector_search_reader
        USING (tenant_id IN (SELECT r.tenant_id FROM tenant_readers AS r));
    GRANT SELECT ON indexes TO vector_search_reader;

    -- The partitions are not granted: they are reached through their parents only, where the policies are.
    FOREACH parent IN ARRAY ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments',
                                  'title_embeddings', 'chunk_terms', 'vocabulary', 'acl_sets', 'acl_members'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent);
        EXECUTE format('DROP POLICY IF EXISTS own_tenants ON %I', parent);
        EXECUTE format('CREATE POLICY own_tenants ON %I FOR SELECT TO vector_search_reader '
                       'USING (index_id IN (SELECT i.index_id FROM indexes AS i))', parent);
        EXECUTE format('GRANT SELECT ON %I TO vector_search_reader', parent);
    END LOOP;
END $$;
