-- The revision Alembic has brought the schema to.
-- -> revision text
SELECT v.version_num::text AS revision FROM alembic_version AS v
