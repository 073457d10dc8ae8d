-- Interned access lists by their digests.
-- $1 digests uuid[]
-- -> digest uuid
-- -> acl_id integer
SELECT s.digest, s.acl_id FROM acl_sets AS s WHERE s.index_id = :index_id AND s.digest = ANY ($1::uuid[])
