-- The HNSW graphs of every index that has one: whether they answer queries, and how far their builds have come, over all
-- shards by their chunks. While a graph is built in the place of another, the old one answers.
-- -> index_id integer
-- -> quantisation text
-- -> ready boolean
-- -> progress double precision   of the build; 1 if there is none
SELECT g.index_id, g.quantisation, g.ready, CASE WHEN g.ready THEN 1.0 ELSE coalesce(b.progress, 0.0) END AS progress
FROM (
    SELECT substring(t.relname FROM '\d+$')::integer AS index_id,
        CASE o.opcname WHEN 'bit_hamming_ops' THEN 'bit' ELSE 'none' END AS quantisation, bool_or(x.indisvalid) AS ready,
        t.relname::text AS relation
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'hnsw'
    JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_inherits AS h ON h.inhrelid = t.oid AND h.inhparent = 'chunk_embeddings'::regclass
    JOIN pg_opclass AS o ON o.oid = x.indclass[0]
    GROUP BY t.relname, o.opcname
) AS g
CROSS JOIN LATERAL (
    SELECT sum((s.shard ->> 'chunks')::double precision * coalesce((s.shard -> 'built' ->> g.quantisation)::double precision, 0.0))
        / nullif(sum((s.shard ->> 'chunks')::double precision), 0) AS progress
    -- The shards are asked only while there is something to ask.
    FROM ask_shards(CASE WHEN NOT g.ready THEN g.relation END, $query$
        SELECT json_build_object('chunks', greatest(pg_stat_get_live_tuples(c.oid), 1), 'built', (
            SELECT json_object_agg(CASE o.opcname WHEN 'bit_hamming_ops' THEN 'bit' ELSE 'none' END,
                CASE WHEN x.indisvalid THEN 1.0
                     ELSE least(coalesce(p.tuples_done / nullif(greatest(p.tuples_total, c.reltuples)::double precision, 0), 0.0), 1.0)
                END)
            FROM pg_index AS x
            JOIN pg_opclass AS o ON o.oid = x.indclass[0]
            JOIN pg_am AS m ON m.oid = o.opcmethod AND m.amname = 'hnsw'
            LEFT JOIN pg_stat_progress_create_index AS p ON p.index_relid = x.indexrelid
            WHERE x.indrelid = c.oid))
        FROM pg_class AS c
        WHERE c.oid = to_regclass(%1$L)
    $query$) AS s (shard)
) AS b
