-- In how many chunks each of some tokens occurs, counted up to a bound.
-- $1 tokens integer[]
-- $2 bound bigint
-- -> token integer
-- -> chunks bigint
SELECT k.token, (
    SELECT count(*)
    FROM (SELECT FROM chunk_terms AS t WHERE t.index_id = :index_id AND t.terms @> ARRAY[k.token] LIMIT $2) AS t
) AS chunks
FROM unnest($1::integer[]) AS k(token)
