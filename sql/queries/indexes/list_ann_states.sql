-- The HNSW graphs of every index that has one: whether they answer queries, and how far their builds have come. While a
-- graph is built in the place of another, the old one answers.
-- -> index_id integer
-- -> quantisation text
-- -> ready boolean
-- -> progress double precision   of the build; 1 if there is none
SELECT substring(t.relname FROM '\d+$')::integer AS index_id,
    CASE o.opcname WHEN 'bit_hamming_ops' THEN 'bit' ELSE 'none' END AS quantisation, bool_or(x.indisvalid) AS ready,
    min(CASE WHEN x.indisvalid THEN 1.0
             ELSE coalesce(p.tuples_done::double precision / nullif(greatest(p.tuples_total, t.reltuples::bigint), 0), 0.0)
        END) AS progress
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'hnsw'
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_inherits AS h ON h.inhrelid = t.oid AND h.inhparent = 'chunk_embeddings'::regclass
JOIN pg_opclass AS o ON o.oid = x.indclass[0]
LEFT JOIN pg_stat_progress_create_index AS p ON p.index_relid = i.oid
GROUP BY t.relname, o.opcname
