-- Drops the tables of an index.
-- $1 index_id integer
SELECT drop_index_partitions($1)
