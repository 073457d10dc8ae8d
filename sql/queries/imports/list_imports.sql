-- The runs of a tenant, or of one index of it, the latest first; running means that a process is at it now.
-- $1 tenant_id text
-- $2 index_name text   null = every index
-- -> import_id uuid
-- -> index_name text
-- -> source text
-- -> parameters jsonb
-- -> state text
-- -> running boolean
-- -> expected_rows bigint
-- -> error text
-- -> attempts integer
-- -> started_at timestamptz
-- -> updated_at timestamptz
-- -> finished_at timestamptz
-- -> slices bigint
-- -> finished_slices bigint
-- -> counts jsonb
SELECT i.import_id, x.name AS index_name, i.source, i.parameters, i.state,
    EXISTS (
        SELECT FROM pg_locks AS l
        WHERE l.locktype = 'advisory' AND l.classid = 4005 AND l.objsubid = 2
          AND l.objid = (hashtext(i.import_id::text)::bigint & 4294967295)::oid
          AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    ) AS running,
    i.expected_rows, i.error, i.attempts, i.started_at, s.updated_at, i.finished_at, s.slices, s.finished_slices,
    s.counts
FROM imports AS i
JOIN indexes AS x ON x.index_id = i.index_id
CROSS JOIN LATERAL (
    SELECT count(*) AS slices, count(*) FILTER (WHERE p.finished) AS finished_slices, max(p.updated_at) AS updated_at,
        coalesce(jsonb_agg(p.counts), '[]') AS counts
    FROM import_slices AS p
    WHERE p.import_id = i.import_id
) AS s
WHERE x.tenant_id = $1 AND ($2::text IS NULL OR x.name = $2)
ORDER BY i.started_at DESC
