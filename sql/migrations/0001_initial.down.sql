-- Drops everything the first migration made. The extension stays: others may use it.
DROP FUNCTION search_documents(vector, double precision, integer);
DROP FUNCTION drop_index_partitions(integer);
DROP FUNCTION create_index_partitions(integer, integer);
DROP TABLE api_keys, import_rejects, import_slices, imports, idempotency_keys, upload_parts, uploads, acl_members, acl_sets, vocabulary,
    chunk_terms, title_embeddings, chunk_segments, chunk_embeddings, chunks, document_versions, documents, indexes;
DROP FUNCTION document_label_keys(text, text[], text[]);
DROP FUNCTION label_keys(text, text[]);
DROP FUNCTION label_key(text, text);
DROP FUNCTION IF EXISTS lock_rows, lock_terms, searched_with, shard_statistics, ask_shards;
