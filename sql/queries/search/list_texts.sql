-- Titles and texts of some chunks, in the order given; only of those with all of some terms.
-- $1 document_keys uuid[]
-- $2 chunk_indexes integer[]
-- $3 all_terms integer[]
-- -> position bigint   from 1
-- -> title text
-- -> content text
SELECT k.position, d.title, c.content
FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS k(document_key, chunk_index, position)
JOIN chunk_terms AS t
  ON t.index_id = :index_id AND t.document_key = k.document_key AND t.chunk_index = k.chunk_index
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = k.document_key
JOIN chunks AS c ON c.index_id = :index_id AND c.document_key = k.document_key AND c.chunk_index = k.chunk_index
WHERE t.terms @> $3::integer[]
ORDER BY k.position
