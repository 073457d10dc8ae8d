-- Keeps an API key by its digest.
-- $1 key_id text
-- $2 digest bytea
-- $3 name text
-- $4 scopes text[]
-- $5 tenants text[]
-- $6 indexes text[]
-- $7 expires_at timestamptz
INSERT INTO api_keys (key_id, digest, name, scopes, tenants, indexes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
