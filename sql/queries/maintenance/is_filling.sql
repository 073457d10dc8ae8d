-- Whether an import fills the index: its graph is built afterwards, when it costs a tenth.
-- -> filling boolean
SELECT NOT pg_try_advisory_xact_lock(4004, :index_id) AS filling
