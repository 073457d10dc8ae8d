-- Everything that ranking looks at, for each of some chunks, in the order given. Titles are joined whether they are
-- asked for or not: Citus takes no look-up for each row.
-- $1 document_keys uuid[]
-- $2 chunk_indexes integer[]
-- $3 embedding halfvec
-- $4 query sparsevec           weights of the query's terms
-- $5 with_titles boolean       also the title and its embedding
-- -> position bigint
-- -> distance double precision         NaN for a zero vector
-- -> bm25 double precision
-- -> length integer
-- -> boost integer
-- -> updated_at timestamptz
-- -> title text                        null unless asked for
-- -> title_distance double precision   null unless asked for
SELECT k.position, (e.embedding <=> $3::halfvec) + 0 AS distance, -(t.weights <#> $4::sparsevec) AS bm25,
    t.length, d.boost, d.updated_at, CASE WHEN $5::boolean THEN d.title END AS title,
    CASE WHEN $5 THEN (m.embedding <=> $3) + 0 END AS title_distance
FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS k(document_key, chunk_index, position)
JOIN chunk_embeddings AS e
  ON e.index_id = :index_id AND e.document_key = k.document_key AND e.chunk_index = k.chunk_index
JOIN chunk_terms AS t
  ON t.index_id = :index_id AND t.document_key = k.document_key AND t.chunk_index = k.chunk_index
JOIN documents AS d ON d.index_id = :index_id AND d.document_key = k.document_key
LEFT JOIN title_embeddings AS m ON m.index_id = :index_id AND m.document_key = d.document_key
ORDER BY k.position
