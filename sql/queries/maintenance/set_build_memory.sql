-- Gives builds of this session the memory their graph needs, up to half of what PostgreSQL has for its pages:
-- beyond it a build becomes several times slower. Never less than is set.
-- $1 embedding_bytes integer   of one embedding in the graph
-- -> memory text
SELECT set_config(
    'maintenance_work_mem',
    greatest(
        pg_size_bytes(current_setting('maintenance_work_mem')) / 1024,
        least(
            pg_size_bytes(current_setting('shared_buffers')) / 2048,
            ($1::integer + 400) * greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 1) * 5 / 4 / 1024
        )
    )::text,
    false
) AS memory
FROM pg_class AS c
WHERE c.oid = to_regclass('chunk_embeddings_' || :index_id)
