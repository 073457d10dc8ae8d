-- Notes that a page of a slice is done: in the transaction that wrote the last of its rows.
-- $1 import_id uuid
-- $2 slice integer
-- $3 position text
-- $4 pages integer
-- $5 counts jsonb
-- $6 finished boolean
UPDATE import_slices AS s
SET position = $3, pages = $4, counts = $5, finished = $6, updated_at = now()
WHERE s.import_id = $1 AND s.slice = $2
