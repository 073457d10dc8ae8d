-- Takes an index out of the catalogue.
-- $1 index_id integer
DELETE FROM indexes AS i WHERE i.index_id = $1
