-- Makes segments of the chunks they have now; those without chunks are left out.
-- $1 document_keys uuid[]      one per segment
-- $2 segments integer[]
-- $3 segment_chunks bigint    chunks of a segment
INSERT INTO chunk_segments (index_id, document_key, segment, embedding)
SELECT :index_id, g.document_key, g.segment, avg(e.embedding)
FROM unnest($1::uuid[], $2::integer[]) AS g (document_key, segment)
JOIN chunk_embeddings AS e
  ON e.index_id = :index_id AND e.document_key = g.document_key
 AND e.chunk_index BETWEEN g.segment * $3::bigint AND g.segment * $3 + $3 - 1
GROUP BY g.document_key, g.segment
ON CONFLICT (index_id, document_key, segment) DO UPDATE SET embedding = excluded.embedding
