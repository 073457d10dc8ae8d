-- Those of some words that the vocabulary has.
-- $1 words text[]
-- -> term text
-- -> term_id integer
SELECT v.term, v.term_id
FROM unnest($1::text[]) AS w(word)
JOIN vocabulary AS v ON v.index_id = :index_id AND v.term = w.word
