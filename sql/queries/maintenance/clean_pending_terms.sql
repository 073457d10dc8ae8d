-- Moves what a GIN index has put aside into its tree, so that searches need not read it through.
-- -> pages bigint
SELECT gin_clean_pending_list(x.indexrelid::regclass) AS pages
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'gin'
WHERE x.indrelid = to_regclass('chunk_terms_' || :index_id)
