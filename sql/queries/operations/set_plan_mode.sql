-- Chooses the plan mode of what follows in the transaction.
-- $1 plan_mode text   force_generic_plan or force_custom_plan
-- -> plan_mode text
SELECT set_config('plan_cache_mode', $1::text, true) AS plan_mode
