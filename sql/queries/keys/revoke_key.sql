-- Makes an API key worthless; nothing comes back where there is none or it was revoked before.
-- $1 key_id text
-- -> key_id text
UPDATE api_keys AS k SET revoked_at = now() WHERE k.key_id = $1 AND k.revoked_at IS NULL RETURNING k.key_id
