-- How many access lists an index has: a bitmap made for fewer is out of date.
-- -> acl_count integer
SELECT coalesce(max(s.acl_id) + 1, 0) AS acl_count FROM acl_sets AS s WHERE s.index_id = :index_id
