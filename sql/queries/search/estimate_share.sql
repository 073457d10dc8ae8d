-- Which share of an index's chunks passes the filter, by a random sample of documents: keys are hashes.
-- :document_filter
-- $18 documents bigint   size of the sample
-- -> share double precision   null: no chunks
SELECT sum(d.chunk_count) FILTER (WHERE d.passes)::double precision / nullif(sum(d.chunk_count), 0) AS share
FROM (
    SELECT d.chunk_count, :document_filter AS passes
    FROM documents AS d
    WHERE d.index_id = :index_id
    ORDER BY d.document_key
    LIMIT $18
) AS d
