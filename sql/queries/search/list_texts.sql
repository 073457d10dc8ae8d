-- Titles and texts of some chunks, in the order given.
-- $1 document_keys uuid[]
-- $2 chunk_indexes integer[]
-- -> position bigint   from 1
-- -> title text
-- -> content text
SELECT k.position, d.title, c.content
FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS k(document_key, chunk_index, position)
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = k.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = k.document_key AND c.chunk_index = k.chunk_index
ORDER BY k.position
