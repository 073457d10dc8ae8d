-- The access lists that one of some entries may read, public ones included if asked for, and how many there are in all.
-- A list may be named more than once: to tell them apart would cost more than to send them. They come as bytes, as an
-- array takes longer to read. The series stands in the list of what is selected, where it is not written down first: a
-- quarter of the time of 50,000 entries.
-- $1 entry_keys bytea   16 bytes each, one after the other, best in order: as an array of uuids, tens of thousands of
--                       them would take longer to read than to look up
-- $2 with_public boolean
-- -> acl_ids bytea   4 bytes each, most significant first
-- -> acl_count integer
SELECT
    coalesce((
        SELECT string_agg(int4send(r.acl_id), ''::bytea)
        FROM (
            SELECT m.acl_id
            FROM acl_members AS m
            WHERE m.index_id = :index_id
              AND m.entry_key = ANY (ARRAY(SELECT substr($1::bytea, generate_series(1, length($1::bytea), 16), 16)))
            UNION ALL
            SELECT s.acl_id FROM acl_sets AS s WHERE s.index_id = :index_id AND s.public AND $2::boolean
        ) AS r
    ), ''::bytea) AS acl_ids,
    (SELECT coalesce(max(s.acl_id) + 1, 0) FROM acl_sets AS s WHERE s.index_id = :index_id) AS acl_count
