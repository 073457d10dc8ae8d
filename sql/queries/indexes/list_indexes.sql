-- The indexes of a tenant, or of all of them.
-- $1 tenant_id text   null = every tenant
-- -> :index_columns
SELECT :index_columns FROM indexes AS i WHERE ($1::text IS NULL OR i.tenant_id = $1) ORDER BY i.tenant_id, i.name
