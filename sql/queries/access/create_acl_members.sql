-- The entries of an access list, for finding the list by any of them.
-- $1 acl_id integer
-- $2 entry_keys uuid[]
INSERT INTO acl_members (index_id, acl_id, entry_key)
SELECT :index_id, $1, e.entry_key FROM unnest($2::uuid[]) AS e (entry_key)
