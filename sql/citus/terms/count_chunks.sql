-- In how many chunks each of some tokens occurs.
-- $1 tokens integer[]
-- -> token integer
-- -> chunks bigint
WITH counted AS MATERIALIZED (
    SELECT k.token, count(*) AS chunks
    FROM unnest($1::integer[]) AS k (token)
    JOIN chunk_terms AS t ON t.index_id = :index_id AND t.tokens @> ARRAY[k.token]
    GROUP BY k.token
)
SELECT k.token, coalesce(c.chunks, 0) AS chunks
FROM unnest($1::integer[]) AS k (token)
LEFT JOIN counted AS c ON c.token = k.token
