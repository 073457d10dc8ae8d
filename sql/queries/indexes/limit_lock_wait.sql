-- Makes this transaction give up on a lock soon: whoever waits for a table that others read makes everybody
-- who comes later wait behind it.
-- -> lock_timeout text
SELECT set_config('lock_timeout', '200ms', true) AS lock_timeout
