-- No index is the default one.
-- $1 except_index_id integer
UPDATE indexes AS i SET is_default = false WHERE i.is_default AND i.index_id <> $1
