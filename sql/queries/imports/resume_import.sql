-- Notes that a run is taken up again.
-- $1 import_id uuid
-- $2 expected_rows bigint   null = as it was
UPDATE imports AS i
SET attempts = i.attempts + 1, error = NULL, expected_rows = coalesce($2, i.expected_rows)
WHERE i.import_id = $1
