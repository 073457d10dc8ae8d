-- The HNSW graph of every index that has one: whether it answers queries, and how far its build has come. While a graph
-- is built in the place of another, the old one answers.
-- -> index_id integer
-- -> ready boolean
-- -> progress double precision   of the build; 1 if there is none
SELECT substring(t.relname FROM '\d+$')::integer AS index_id, bool_or(x.indisvalid) AS ready,
    min(CASE WHEN x.indisvalid THEN 1.0
             ELSE coalesce(p.tuples_done::double precision / nullif(greatest(p.tuples_total, t.reltuples::bigint), 0), 0.0)
        END) AS progress
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'hnsw'
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_inherits AS h ON h.inhrelid = t.oid AND h.inhparent = 'chunk_embeddings'::regclass
LEFT JOIN pg_stat_progress_create_index AS p ON p.index_relid = i.oid
GROUP BY t.relname
