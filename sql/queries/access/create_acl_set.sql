-- Interns an access list under the next number. The caller holds the lock.
-- $1 digest uuid
-- $2 public boolean
-- $3 entries text[]
-- -> acl_id integer
INSERT INTO acl_sets AS s (index_id, acl_id, digest, public, entries)
VALUES (:index_id, (SELECT coalesce(max(o.acl_id) + 1, 0) FROM acl_sets AS o WHERE o.index_id = :index_id), $1, $2, $3)
RETURNING s.acl_id
