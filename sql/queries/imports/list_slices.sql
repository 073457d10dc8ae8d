-- How far the slices of a run have come.
-- $1 import_id uuid
-- -> slice integer
-- -> position text
-- -> pages integer
-- -> counts jsonb
-- -> finished boolean
SELECT s.slice, s.position, s.pages, s.counts, s.finished
FROM import_slices AS s
WHERE s.import_id = $1
ORDER BY s.slice
