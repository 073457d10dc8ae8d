-- The state a document is in, with its chunks, as a text that is another one in another state. Whole rows are read by
-- themselves: joined with a table of the coordinator, Citus would have of them the columns only that are named.
-- $1 document_key uuid
-- -> tag text
WITH kept AS MATERIALIZED (
    SELECT d.acl_id, concat_ws('|', d.*::text, v.version, t.embedding,
        (SELECT string_agg(concat_ws(' ', c.chunk_index, c.digest, c.embedding_digest), '|' ORDER BY c.chunk_index)
         FROM chunks AS c
         WHERE c.index_id = :index_id AND c.document_key = $1)) AS state
    FROM documents AS d
    LEFT JOIN document_versions AS v ON v.index_id = :index_id AND v.document_key = d.document_key
    LEFT JOIN title_embeddings AS t ON t.index_id = :index_id AND t.document_key = d.document_key
    WHERE d.index_id = :index_id AND d.document_key = $1
)
SELECT md5(concat_ws('|', k.state, a.digest)) AS tag
FROM kept AS k
JOIN acl_sets AS a ON a.index_id = :index_id AND a.acl_id = k.acl_id
