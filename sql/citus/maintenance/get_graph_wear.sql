-- What wears the graphs of an index: embeddings removed or replaced.
-- -> chunks bigint
-- -> removed bigint      since statistics were last reset
-- -> leftover boolean    a rebuild was cut off
SELECT s.live AS chunks, s.updated + s.deleted AS removed, s.graph_leftover AS leftover
FROM shard_statistics('chunk_embeddings_' || :index_id) AS s
