-- Every API key, revoked ones too, oldest first.
-- -> key_id text
-- -> digest bytea
-- -> name text
-- -> scopes text[]
-- -> tenants text[]
-- -> indexes text[]
-- -> created_at timestamptz
-- -> expires_at timestamptz
-- -> revoked_at timestamptz
SELECT k.key_id, k.digest, k.name, k.scopes, k.tenants, k.indexes, k.created_at, k.expires_at, k.revoked_at
FROM api_keys AS k
ORDER BY k.created_at, k.key_id
