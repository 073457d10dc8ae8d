-- Opens the slices 0 to slices - 1 of a run.
-- $1 import_id uuid
-- $2 slices integer
INSERT INTO import_slices (import_id, slice)
SELECT $1, s.slice FROM generate_series(0, $2::integer - 1) AS s (slice)
