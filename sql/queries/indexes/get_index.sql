-- An index by its tenant and name.
-- $1 tenant_id text
-- $2 name text
-- -> :index_columns
SELECT :index_columns FROM indexes AS i WHERE i.tenant_id = $1 AND i.name = $2
