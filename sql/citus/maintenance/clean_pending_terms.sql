-- Moves what the GIN index of each shard has put aside into its tree.
-- -> pages bigint
SELECT sum(a.pages::bigint)::bigint AS pages
FROM ask_shards('chunk_terms_' || :index_id, $query$
    SELECT to_json(sum(gin_clean_pending_list(x.indexrelid::regclass)))
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'gin'
    WHERE x.indrelid = to_regclass(%1$L)
$query$) AS a (pages)
