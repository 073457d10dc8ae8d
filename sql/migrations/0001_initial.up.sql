-- The document index: catalogue, documents, chunks, embeddings, terms and access lists.
-- The tables that grow are LIST-partitioned by index_id: an index is dropped in constant time, and
-- each has an HNSW graph of its own dimension, or none (docs/adr/0002-partition-per-index.md).

CREATE EXTENSION IF NOT EXISTS vector;

DO $$
DECLARE
    installed int[] := (SELECT string_to_array(e.extversion, '.')::int[] FROM pg_extension AS e WHERE e.extname = 'vector');
BEGIN
    IF installed < ARRAY[0, 8, 0] THEN
        RAISE EXCEPTION 'pgvector % is too old: 0.8.0 or later is needed (halfvec, iterative scans)',
            array_to_string(installed, '.')
            USING HINT = 'Install a newer pgvector, then ALTER EXTENSION vector UPDATE.';
    END IF;
END $$;

CREATE TABLE indexes (
    index_id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id           text NOT NULL,
    name                text NOT NULL,
    embedding_dimension integer NOT NULL CHECK (embedding_dimension BETWEEN 1 AND 4000),
    language            text NOT NULL,
    access_control      boolean NOT NULL,
    rank_profile        text NOT NULL,
    quantisation        text NOT NULL DEFAULT 'none' CHECK (quantisation IN ('none', 'bit')),  -- of its HNSW graph
    tokeniser_version   integer NOT NULL,
    average_length      real,   -- terms per chunk, in BM25's length normalisation; null until the first chunks come
    background_cosine   real,   -- mean cosine of unrelated pairs; null until measured
    graph               jsonb,  -- what was measured of the HNSW graph when it was built; null until then
    is_default          boolean NOT NULL DEFAULT false,  -- the one search_documents() reads
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);
CREATE UNIQUE INDEX indexes_default ON indexes (is_default) WHERE is_default;

-- Labels in an index: source types, names of document sets and tags may be longer than an index entry, so their hashes
-- stand for them. Two labels may share one: whatever is found by it is looked at again.
CREATE FUNCTION label_key(kind text, label text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN hashtext(kind || ' ' || label);

CREATE FUNCTION label_keys(kind text, labels text[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT label_key(kind, l.label) FROM unnest(labels) AS l (label));

-- PL/pgSQL, since it runs for every document that is written: half the price of label_keys.
CREATE FUNCTION document_label_keys(source_type text, document_sets text[], tags text[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    keys  integer[] := '{}';
    label text;
BEGIN
    IF source_type IS NOT NULL THEN
        keys := keys || label_key('source', source_type);
    END IF;
    FOREACH label IN ARRAY document_sets LOOP
        keys := keys || label_key('set', label);
    END LOOP;
    FOREACH label IN ARRAY tags LOOP
        keys := keys || label_key('tag', label);
    END LOOP;
    RETURN keys;
END $$;

-- What Onyx changes all day lives here, away from text and vectors.
CREATE TABLE documents (
    index_id            integer NOT NULL,
    document_key        uuid NOT NULL,   -- blake2b-128 of document_id
    sanitised_key       uuid,            -- the same of the id with ' as _, where that differs
    document_id         text COLLATE "C" NOT NULL,
    acl_id              integer NOT NULL,
    boost               integer NOT NULL,
    chunk_count         integer NOT NULL,
    hidden              boolean NOT NULL,
    created_at          timestamptz,
    updated_at          timestamptz,
    source_type         text,
    document_sets       text[] NOT NULL,
    tags                text[] NOT NULL, -- 'key===value', derived from metadata
    hierarchy_node_ids  bigint[] NOT NULL,
    project_ids         bigint[] NOT NULL,
    persona_ids         bigint[] NOT NULL,
    written_by          text NOT NULL CHECK (written_by IN ('index', 'port', 'import')),
    revision            bigint NOT NULL, -- 1 when inserted, one more at each replacement by something else
    title               text,
    semantic_identifier text NOT NULL,
    primary_owners      text[],
    secondary_owners    text[],
    metadata            jsonb NOT NULL,
    label_keys          integer[] GENERATED ALWAYS AS (document_label_keys(source_type, document_sets, tags)) STORED,
    PRIMARY KEY (index_id, document_key)
) PARTITION BY LIST (index_id);
CREATE INDEX documents_sanitised_key ON documents (index_id, sanitised_key) WHERE sanitised_key IS NOT NULL;
-- A filter that leaves little finds it here. Access, hidden and boost change all day: they are in none.
CREATE INDEX documents_groups ON documents
    USING gin (label_keys, hierarchy_node_ids, project_ids, persona_ids) WITH (fastupdate = off);

-- Fences against late writers, of documents whose writers tell the source's version: what is older is refused.
CREATE TABLE document_versions (
    index_id     integer NOT NULL,
    document_key uuid NOT NULL,
    version      bigint NOT NULL,
    deleted_at   timestamptz,        -- set by a delete with a version: a tombstone, swept after its lifetime
    PRIMARY KEY (index_id, document_key)
) PARTITION BY LIST (index_id);
CREATE INDEX document_versions_deleted_at ON document_versions (deleted_at) WHERE deleted_at IS NOT NULL;

-- Read only for the rows that are returned.
CREATE TABLE chunks (
    index_id         integer NOT NULL,
    document_key     uuid NOT NULL,
    chunk_index      integer NOT NULL CHECK (chunk_index >= 0),
    digest           uuid NOT NULL,  -- of the columns below
    embedding_digest uuid NOT NULL,  -- of the row in chunk_embeddings
    terms_digest     uuid NOT NULL,  -- of what chunk_terms was made from
    content          text NOT NULL,
    blurb            text NOT NULL,
    doc_summary      text NOT NULL,
    chunk_context    text NOT NULL,
    metadata_suffix  text,
    source_links     jsonb,
    image_file_id    text,
    PRIMARY KEY (index_id, document_key, chunk_index)
) PARTITION BY LIST (index_id);

-- Stored inline: an exact scan reads no TOAST (docs/adr/0004-inline-halfvec.md).
CREATE TABLE chunk_embeddings (
    index_id     integer NOT NULL,
    document_key uuid NOT NULL,
    chunk_index  integer NOT NULL,
    embedding    halfvec STORAGE PLAIN NOT NULL,
    PRIMARY KEY (index_id, document_key, chunk_index)
) PARTITION BY LIST (index_id);

-- Means of the embeddings of consecutive chunks: what a search measures first where a filter is far from the query.
CREATE TABLE chunk_segments (
    index_id     integer NOT NULL,
    document_key uuid NOT NULL,
    segment      integer NOT NULL,  -- chunk_index divided by the chunks of a segment
    embedding    halfvec STORAGE PLAIN NOT NULL,
    PRIMARY KEY (index_id, document_key, segment)
) PARTITION BY LIST (index_id);

CREATE TABLE title_embeddings (
    index_id     integer NOT NULL,
    document_key uuid NOT NULL,
    embedding    halfvec STORAGE PLAIN NOT NULL,
    PRIMARY KEY (index_id, document_key)
) PARTITION BY LIST (index_id);

-- BM25: weights <#> query is the score, tokens find the candidates (docs/adr/0011-tokens-beside-weights.md).
CREATE TABLE chunk_terms (
    index_id     integer NOT NULL,
    document_key uuid NOT NULL,
    chunk_index  integer NOT NULL,
    length       integer NOT NULL,  -- terms in the chunk, repeated ones included
    weights      sparsevec STORAGE MAIN NOT NULL,
    tokens       integer[] STORAGE MAIN NOT NULL,  -- the ids of the weights and, below zero, the tiers that these reach; in order
    PRIMARY KEY (index_id, document_key, chunk_index)
) PARTITION BY LIST (index_id);

CREATE INDEX chunk_terms_tokens ON chunk_terms USING gin (tokens);

-- The words behind the term ids, for typos and prefixes. Append-only.
CREATE TABLE vocabulary (
    index_id integer NOT NULL,
    term     text COLLATE "C" NOT NULL,
    term_id  integer NOT NULL,
    PRIMARY KEY (index_id, term)
) PARTITION BY LIST (index_id);

-- Access lists are interned: documents carry acl_id, dense per index, so that a bitmap of ids is a filter.
CREATE TABLE acl_sets (
    index_id integer NOT NULL,
    acl_id   integer NOT NULL CHECK (acl_id >= 0),
    digest   uuid NOT NULL,
    public   boolean NOT NULL,
    entries  text[] NOT NULL,
    PRIMARY KEY (index_id, acl_id),
    UNIQUE (index_id, digest)
) PARTITION BY LIST (index_id);

CREATE TABLE acl_members (
    index_id  integer NOT NULL,
    entry_key bytea NOT NULL, -- blake2b-128 of the entry, which may be longer than a B-tree key; bytea: sent by the thousand
    acl_id    integer NOT NULL,
    PRIMARY KEY (index_id, entry_key, acl_id)
) PARTITION BY LIST (index_id);

-- Documents too large for one request: parts wait here for their commit.
CREATE TABLE uploads (
    index_id   integer NOT NULL REFERENCES indexes ON DELETE CASCADE,
    upload_id  uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    result     jsonb,  -- the answer of the commit, for its repetition
    PRIMARY KEY (index_id, upload_id)
);
CREATE TABLE upload_parts (
    index_id  integer NOT NULL,
    upload_id uuid NOT NULL,
    part      integer NOT NULL CHECK (part >= 0),
    body      bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (index_id, upload_id, part),
    FOREIGN KEY (index_id, upload_id) REFERENCES uploads ON DELETE CASCADE
);

-- What a write under an idempotency key was answered, for its repetition; written by the same transaction.
CREATE TABLE idempotency_keys (
    tenant_id  text NOT NULL,
    key        text COLLATE "C" NOT NULL,
    digest     uuid NOT NULL,   -- of the request: another one under the same key is refused
    results    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Imports from other engines: a run, how far each slice of it has come, and the rows it could not take.
CREATE TABLE imports (
    import_id     uuid PRIMARY KEY,
    index_id      integer NOT NULL REFERENCES indexes ON DELETE CASCADE,
    source        text NOT NULL,   -- such as vespa http://vespa:8081
    fingerprint   uuid NOT NULL,   -- of all that must be the same for a run to be taken up again
    parameters    jsonb NOT NULL,
    state         text NOT NULL CHECK (state IN ('open', 'finished', 'abandoned')),
    expected_rows bigint,
    error         text,            -- why the last attempt stopped
    attempts      integer NOT NULL DEFAULT 1,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz
);
CREATE UNIQUE INDEX imports_open ON imports (index_id, fingerprint) WHERE state = 'open';
CREATE TABLE import_slices (
    import_id  uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
    slice      integer NOT NULL CHECK (slice >= 0),
    position   text,               -- a continuation token of the source; null at the beginning
    pages      integer NOT NULL DEFAULT 0,
    counts     jsonb NOT NULL DEFAULT '{}',
    finished   boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, slice)
);
CREATE TABLE import_rejects (
    import_id uuid NOT NULL,
    reject_id bigint GENERATED ALWAYS AS IDENTITY,
    slice     integer NOT NULL,
    page      integer NOT NULL,
    code      text NOT NULL,
    detail    text NOT NULL,
    body      bytea NOT NULL,      -- the row as the source gave it
    PRIMARY KEY (import_id, reject_id),
    FOREIGN KEY (import_id, slice) REFERENCES import_slices ON DELETE CASCADE
);

-- API keys, by their digests: what is stored opens nothing. Revoked ones stay, so that a table that has held
-- a key never looks as if none were wanted.
CREATE TABLE api_keys (
    key_id     text PRIMARY KEY,
    digest     bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    tenants    text[],  -- null: all
    indexes    text[],  -- null: all
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- ATTACH takes a lock on the parent that lets readers and writers pass, PARTITION OF would not.
CREATE FUNCTION create_index_partitions(new_index_id integer, dimension integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments',
                                  'title_embeddings', 'chunk_terms', 'vocabulary', 'acl_sets', 'acl_members'] LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES)', parent || '_' || new_index_id, parent);
        EXECUTE format('ALTER TABLE %I ADD CHECK (index_id = %s)', parent || '_' || new_index_id, new_index_id);
    END LOOP;
    -- Room for a new version of every row: permission syncs change whole pages, and HOT updates spare their indexes.
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 50)', 'documents_' || new_index_id);
    EXECUTE format('ALTER TABLE %I ADD CHECK (vector_dims(embedding) = %s)', 'chunk_embeddings_' || new_index_id, dimension);
    EXECUTE format('ALTER TABLE %I ADD CHECK (vector_dims(embedding) = %s)', 'chunk_segments_' || new_index_id, dimension);
    EXECUTE format('ALTER TABLE %I ADD CHECK (vector_dims(embedding) = %s)', 'title_embeddings_' || new_index_id, dimension);
    EXECUTE format('ALTER TABLE %I ALTER weights SET STATISTICS 0, ALTER tokens SET STATISTICS 1000', 'chunk_terms_' || new_index_id);
    -- Nothing is compressed for as long as the row fits a page: hardly anything repeats in it, and scoring would expand it.
    EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', 'chunk_terms_' || new_index_id);
    FOREACH parent IN ARRAY ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments',
                                  'title_embeddings', 'chunk_terms', 'vocabulary', 'acl_sets', 'acl_members'] LOOP
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, parent || '_' || new_index_id, new_index_id);
    END LOOP;
END $$;

CREATE FUNCTION drop_index_partitions(old_index_id integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['documents', 'document_versions', 'chunks', 'chunk_embeddings', 'chunk_segments',
                                  'title_embeddings', 'chunk_terms', 'vocabulary', 'acl_sets', 'acl_members'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || old_index_id);
    END LOOP;
END $$;

-- For people on psql: public documents of the default index, nearest first; similarity is the cosine.
CREATE FUNCTION search_documents(query_embedding vector, similarity_threshold double precision DEFAULT 0.0,
                                 max_results integer DEFAULT 10)
RETURNS TABLE (id text, chunk_index integer, title text, content text, metadata jsonb, similarity double precision)
LANGUAGE plpgsql STABLE
SET hnsw.iterative_scan = 'strict_order'  -- else hidden documents would leave the answer short
AS $$
DECLARE
    chosen indexes;
BEGIN
    SELECT i.* INTO chosen FROM indexes AS i WHERE i.is_default;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no default index yet' USING HINT = 'Start the service once: it creates VECTOR_DB_TABLE.';
    END IF;
    IF vector_dims(query_embedding) <> chosen.embedding_dimension THEN
        RAISE EXCEPTION 'The query has % dimensions, the index "%" has %',
            vector_dims(query_embedding), chosen.name, chosen.embedding_dimension;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT d.document_id::text, n.chunk_index, d.title, c.content, d.metadata, 1 - n.distance
        FROM (
            SELECT e.document_key, e.chunk_index, e.embedding::halfvec(%2$s) <=> $1::halfvec(%2$s) AS distance
            FROM chunk_embeddings AS e
            JOIN documents AS d ON d.index_id = %1$s AND d.document_key = e.document_key
            JOIN acl_sets AS s ON s.index_id = %1$s AND s.acl_id = d.acl_id
            WHERE e.index_id = %1$s AND NOT d.hidden AND s.public
            ORDER BY e.embedding::halfvec(%2$s) <=> $1::halfvec(%2$s)
            LIMIT $3
        ) AS n
        JOIN documents AS d ON d.index_id = %1$s AND d.document_key = n.document_key
        JOIN chunks AS c ON c.index_id = %1$s AND c.document_key = n.document_key AND c.chunk_index = n.chunk_index
        WHERE 1 - n.distance >= $2 AND n.distance <> 'NaN'
        ORDER BY n.distance, d.document_id, n.chunk_index
    $query$, chosen.index_id, chosen.embedding_dimension)
    USING query_embedding, similarity_threshold, max_results;
END $$;
