-- Ends a run, or notes why an attempt stopped and leaves it open.
-- $1 import_id uuid
-- $2 state text
-- $3 error text
UPDATE imports AS i
SET state = $2, error = $3, finished_at = CASE WHEN $2 = 'finished' THEN now() ELSE i.finished_at END
WHERE i.import_id = $1
