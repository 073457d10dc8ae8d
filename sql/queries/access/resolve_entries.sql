-- The access lists that one of some entries may read, public ones included, and how many there are in all.
-- $1 entry_keys uuid[]
-- -> acl_ids integer[]
-- -> acl_count integer
SELECT
    ARRAY(
        SELECT m.acl_id
        FROM unnest($1::uuid[]) AS e (entry_key)
        JOIN acl_members AS m ON m.index_id = :index_id AND m.entry_key = e.entry_key
        UNION
        SELECT s.acl_id FROM acl_sets AS s WHERE s.index_id = :index_id AND s.public
    ) AS acl_ids,
    (SELECT coalesce(max(s.acl_id) + 1, 0) FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
