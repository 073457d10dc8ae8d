-- What is known of indexes AS i.
-- -> index_id integer
-- -> tenant_id text
-- -> name text
-- -> embedding_dimension integer
-- -> language text
-- -> access_control boolean
-- -> rank_profile text
-- -> quantisation text
-- -> tokeniser_version integer
-- -> average_length real
-- -> background_cosine real
-- -> graph jsonb
-- -> created_at timestamptz
i.index_id, i.tenant_id, i.name, i.embedding_dimension, i.language, i.access_control, i.rank_profile,
i.quantisation, i.tokeniser_version, i.average_length, i.background_cosine, i.graph, i.created_at
