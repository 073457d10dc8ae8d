-- Makes the tables of a new index.
-- $1 index_id integer
-- $2 dimension integer
SELECT create_index_partitions($1, $2)
