-- The entries of new access lists, for finding a list by any of them.
-- $1 acl_ids integer[]   one per entry
-- $2 entry_keys bytea[]
INSERT INTO acl_members (index_id, acl_id, entry_key)
SELECT :index_id, e.acl_id, e.entry_key FROM unnest($1::integer[], $2::bytea[]) AS e (acl_id, entry_key)
