-- Opens a run.
-- $1 import_id uuid
-- $2 source text
-- $3 fingerprint uuid
-- $4 parameters jsonb
-- $5 expected_rows bigint
INSERT INTO imports (import_id, index_id, source, fingerprint, parameters, state, expected_rows)
VALUES ($1, :index_id, $2, $3, $4, 'open', $5)
