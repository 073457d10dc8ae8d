-- Gives the statements of this transaction no longer than this.
-- $1 milliseconds text
-- -> statement_timeout text
SELECT set_config('statement_timeout', $1, true) AS statement_timeout
