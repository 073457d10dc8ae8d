-- Makes commands that would open the same run come one after the other.
-- $1 fingerprint text
SELECT pg_advisory_xact_lock(hashtextextended($1, 4006))
