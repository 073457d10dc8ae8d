-- Removes segments whose chunks changed.
-- $1 document_keys uuid[]   one per segment
-- $2 segments integer[]
DELETE FROM chunk_segments AS s
USING unnest($1::uuid[], $2::integer[]) AS g (document_key, segment)
WHERE s.index_id = :index_id AND s.document_key = g.document_key AND s.segment = g.segment
