-- Chunks of sections of documents, in the order of the sections and then of the chunks; no limit.
-- :document_filter
-- $18 section_keys uuid[]        one per section
-- $19 min_chunk_indexes integer[]
-- $20 max_chunk_indexes integer[]
-- -> section bigint
-- -> :hit_columns
-- -> acl_count integer
SELECT s.section, :hit_columns,
    (SELECT max(a.acl_id) + 1 FROM acl_sets AS a WHERE a.index_id = :index_id) AS acl_count
FROM unnest($18::uuid[], $19::integer[], $20::integer[])
    WITH ORDINALITY AS s (document_key, min_chunk_index, max_chunk_index, section)
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = s.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = s.document_key
    AND c.chunk_index BETWEEN s.min_chunk_index AND s.max_chunk_index
WHERE :document_filter
ORDER BY s.section, c.chunk_index
