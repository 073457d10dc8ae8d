-- How many of the ten nearest chunks of a stored one the HNSW graph finds, at the settings searches have.
-- $1 pivot uuid
-- -> nearest bigint
-- -> found bigint
WITH probe AS MATERIALIZED (
    SELECT e.embedding::halfvec(:dimension) AS embedding
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id AND e.document_key >= $1::uuid
    ORDER BY e.document_key, e.chunk_index
    LIMIT 1
),
-- "+ 0" keeps the graph out of it; distances rather than keys are compared, so that equals count as found.
exact AS MATERIALIZED (
    SELECT (e.embedding::halfvec(:dimension) <=> (SELECT p.embedding FROM probe AS p)) + 0 AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id AND EXISTS (SELECT FROM probe)
    ORDER BY distance
    LIMIT 10
),
approximate AS MATERIALIZED (
    SELECT e.embedding::halfvec(:dimension) <=> (SELECT p.embedding FROM probe AS p) AS distance
    FROM chunk_embeddings AS e
    WHERE e.index_id = :index_id AND EXISTS (SELECT FROM probe)
    ORDER BY e.embedding::halfvec(:dimension) <=> (SELECT p.embedding FROM probe AS p)
    LIMIT 10
)
SELECT (SELECT count(*) FROM exact) AS nearest,
    (SELECT count(*) FROM approximate AS a WHERE a.distance <= (SELECT max(x.distance) FROM exact AS x)) AS found
