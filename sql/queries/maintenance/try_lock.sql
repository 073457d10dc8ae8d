-- One maintainer at a time, for as long as its connection lives.
-- -> locked boolean
SELECT pg_try_advisory_lock(4003, 0) AS locked
