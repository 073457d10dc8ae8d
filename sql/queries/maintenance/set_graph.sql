-- Enters what was measured of a graph.
-- $1 graph jsonb
UPDATE indexes AS i SET graph = $1 WHERE i.index_id = :index_id
