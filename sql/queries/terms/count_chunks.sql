-- In how many chunks each of some tokens occurs.
-- $1 tokens integer[]
-- -> token integer
-- -> chunks bigint
SELECT k.token, (
    SELECT count(*)
    FROM chunk_terms AS t
    WHERE t.index_id = :index_id AND t.tokens @> ARRAY[k.token]
) AS chunks
FROM unnest($1::integer[]) AS k(token)
