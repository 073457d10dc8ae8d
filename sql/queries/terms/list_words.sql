-- Words of the vocabulary in a range, such as those with a prefix.
-- $1 first text   included
-- $2 last text    excluded; null: no end
-- $3 limit bigint
-- -> term text
-- -> term_id integer
SELECT v.term, v.term_id
FROM vocabulary AS v
WHERE v.index_id = :index_id AND v.term >= $1 AND ($2::text IS NULL OR v.term < $2)
ORDER BY v.term
LIMIT $3
