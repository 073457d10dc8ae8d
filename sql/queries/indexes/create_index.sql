-- Enters an index in the catalogue.
-- $1 tenant_id text
-- $2 name text
-- $3 embedding_dimension integer
-- $4 language text
-- $5 access_control boolean
-- $6 rank_profile text
-- $7 tokeniser_version integer
-- $8 quantisation text
-- -> :index_columns
INSERT INTO indexes AS i (tenant_id, name, embedding_dimension, language, access_control, rank_profile, tokeniser_version,
    quantisation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING :index_columns
