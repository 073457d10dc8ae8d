-- Mean length of chunks, in terms, over a random sample: keys are hashes.
-- $1 limit bigint
-- -> average_length double precision   null: no chunks
SELECT avg(s.length) AS average_length
FROM (
    SELECT t.length::double precision AS length
    FROM chunk_terms AS t
    WHERE t.index_id = :index_id
    ORDER BY t.document_key, t.chunk_index
    LIMIT $1
) AS s
