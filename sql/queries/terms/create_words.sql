-- Adds words to the vocabulary; those it has stay as they are.
-- $1 terms text[]
-- $2 term_ids integer[]
INSERT INTO vocabulary (index_id, term, term_id)
SELECT :index_id, w.term, w.term_id
FROM unnest($1::text[], $2::integer[]) AS w(term, term_id)
ORDER BY w.term
ON CONFLICT DO NOTHING
