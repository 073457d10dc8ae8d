-- Refreshes the statistics of an index's terms: document frequencies are read from them.
ANALYZE chunk_terms_:index_id
