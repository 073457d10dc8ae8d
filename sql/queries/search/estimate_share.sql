-- How much of an index passes the filter, by a random sample of documents: keys are hashes.
-- :document_filter
-- $18 documents bigint   size of the sample
-- -> documents bigint         sampled
-- -> chunks bigint            of those
-- -> passing_chunks bigint
SELECT count(*) AS documents, coalesce(sum(d.chunk_count), 0)::bigint AS chunks,
    coalesce(sum(d.chunk_count) FILTER (WHERE d.passes), 0)::bigint AS passing_chunks
FROM (
    SELECT d.chunk_count, :document_filter AS passes
    FROM documents AS d
    WHERE d.index_id = :index_id
    ORDER BY d.document_key
    LIMIT $18
) AS d
