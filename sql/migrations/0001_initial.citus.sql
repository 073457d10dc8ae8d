-- What 0001_initial.up.sql made, spread over the nodes of Citus (docs/adr/0014-citus.md): what grows with the documents
-- by their keys, so that all of a document lies in one place. The rest is small, is asked by the coordinator alone, and
-- stays there. It may come later, with documents there already (`vector-search distribute`).

-- One connection to each node, as all is one transaction.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';
-- Built again on the shards, graphs cost a tenth of what they do grown chunk by chunk as the rows come in.
DO $$
DECLARE
    graph regclass;
BEGIN
    FOR graph IN SELECT i.oid FROM pg_class AS i JOIN pg_am AS m ON m.oid = i.relam WHERE m.amname = 'hnsw'
        AND i.relname ~ '^chunk_embeddings_(bit_)?hnsw_\d+' LOOP
        EXECUTE format('DROP INDEX %s', graph);
    END LOOP;
END $$;
-- What the nodes evaluate; functions that were there before Citus are not on them yet.
SELECT create_distributed_function(f.name::regprocedure)
FROM unnest(ARRAY['label_key(text, text)', 'label_keys(text, text[])', 'document_label_keys(text, text[], text[])']) AS f (name);
SELECT create_distributed_table('documents', 'document_key');
SELECT create_distributed_table(t.name::regclass, 'document_key', colocate_with => 'documents')
FROM unnest(ARRAY['document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments', 'title_embeddings', 'chunk_terms'])
    AS t (name);
SELECT truncate_local_data_after_distributing_table(t.name::regclass)
FROM unnest(ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments', 'title_embeddings',
    'chunk_terms']) AS t (name);

-- Citus takes row locks for one key at a time.
CREATE FUNCTION lock_rows(relation text, index_id integer, document_keys uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql AS $$
DECLARE
    found_key uuid;
BEGIN
    FOR found_key IN SELECT DISTINCT k.document_key FROM unnest($3) AS k (document_key) ORDER BY 1 LOOP
        EXECUTE format('SELECT r.document_key FROM %I AS r WHERE r.index_id = $1 AND r.document_key = $2 FOR UPDATE', $1)
        INTO found_key USING $2, found_key;
        IF found_key IS NOT NULL THEN
            RETURN NEXT found_key;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION lock_terms(index_id integer, after_key uuid, after_chunk integer, row_limit bigint)
RETURNS TABLE (document_key uuid, chunk_index integer, length integer, weights sparsevec)
LANGUAGE plpgsql AS $$
DECLARE
    next_row record;
BEGIN
    FOR next_row IN
        SELECT t.document_key, t.chunk_index
        FROM chunk_terms AS t
        WHERE t.index_id = $1 AND (t.document_key, t.chunk_index) > ($2, $3)
        ORDER BY t.document_key, t.chunk_index
        LIMIT $4
    LOOP
        RETURN QUERY
        SELECT t.document_key, t.chunk_index, t.length, t.weights
        FROM chunk_terms AS t
        WHERE t.index_id = $1 AND t.document_key = next_row.document_key AND t.chunk_index = next_row.chunk_index
        FOR UPDATE SKIP LOCKED;
    END LOOP;
END $$;

-- Settings of a session do not reach the nodes that search. This is evaluated there, once for each shard and before its
-- graph is entered, since the operand of an index scan is.
CREATE FUNCTION searched_with(ef_search text, embedding halfvec) RETURNS halfvec
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
        set_config('hnsw.max_scan_tuples', '40000', true), set_config('hnsw.scan_mem_multiplier', '8', true);
    RETURN embedding;
END $$;

-- What each shard of a table answers: %1$L in the query is the name of the shard. All of them answer, or it is an error.
CREATE FUNCTION ask_shards(relation text, query text) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    answer record;
BEGIN
    IF to_regclass(relation) IS NULL THEN
        RETURN;
    END IF;
    FOR answer IN SELECT r.success, r.result FROM run_command_on_shards(relation::regclass, query) AS r LOOP
        IF NOT answer.success THEN
            RAISE EXCEPTION 'a shard of % does not answer: %', relation, answer.result USING ERRCODE = '08006';
        END IF;
        IF answer.result <> '' THEN
            RETURN NEXT answer.result::jsonb;
        END IF;
    END LOOP;
END $$;

-- What PostgreSQL's statistics say of a table, over all of its shards; no row if there is no such table.
CREATE FUNCTION shard_statistics(relation text) RETURNS TABLE (live bigint, dead bigint, inserted bigint, updated bigint,
    deleted bigint, changed bigint, analysed_rows double precision, expected_rows bigint, table_bytes bigint,
    ann_bytes bigint, total_bytes bigint, graph_leftover boolean, analysed_at timestamptz, maintained_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT sum((s.shard ->> 'live')::bigint)::bigint, sum((s.shard ->> 'dead')::bigint)::bigint,
        sum((s.shard ->> 'inserted')::bigint)::bigint, sum((s.shard ->> 'updated')::bigint)::bigint,
        sum((s.shard ->> 'deleted')::bigint)::bigint, sum((s.shard ->> 'changed')::bigint)::bigint,
        sum((s.shard ->> 'analysed_rows')::double precision), sum((s.shard ->> 'expected_rows')::bigint)::bigint,
        sum((s.shard ->> 'table_bytes')::bigint)::bigint, sum((s.shard ->> 'ann_bytes')::bigint)::bigint,
        sum((s.shard ->> 'total_bytes')::bigint)::bigint, bool_or((s.shard ->> 'graph_leftover')::boolean),
        -- As long ago as the shard that has waited longest.
        CASE WHEN bool_and(s.shard ->> 'analysed_at' IS NOT NULL) THEN min((s.shard ->> 'analysed_at')::timestamptz) END,
        max((s.shard ->> 'maintained_at')::timestamptz)
    FROM ask_shards(relation, $query$
        SELECT json_build_object(
            'live', pg_stat_get_live_tuples(c.oid),
            'dead', pg_stat_get_dead_tuples(c.oid),
            'inserted', pg_stat_get_tuples_inserted(c.oid),
            'updated', pg_stat_get_tuples_updated(c.oid),
            'deleted', pg_stat_get_tuples_deleted(c.oid),
            'changed', pg_stat_get_mod_since_analyze(c.oid),
            'analysed_rows', greatest(c.reltuples, 0),
            'expected_rows', (greatest(c.reltuples, 0) / greatest(c.relpages, 1) * (pg_relation_size(c.oid) / 8192))::bigint,
            'table_bytes', pg_table_size(c.oid),
            'ann_bytes', (SELECT coalesce(sum(pg_relation_size(i.oid)), 0) FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
                          JOIN pg_am AS m ON m.oid = i.relam WHERE x.indrelid = c.oid AND m.amname = 'hnsw'),
            'total_bytes', pg_total_relation_size(c.oid),
            'graph_leftover', EXISTS (SELECT FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
                          JOIN pg_am AS m ON m.oid = i.relam WHERE x.indrelid = c.oid AND m.amname = 'hnsw' AND i.relname ~ '_ccnew\d*$'),
            'analysed_at', greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)),
            'maintained_at', greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid),
                pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)))
        FROM pg_class AS c
        WHERE c.oid = to_regclass(%1$L)
    $query$) AS s (shard)
    HAVING count(*) > 0;
END;
