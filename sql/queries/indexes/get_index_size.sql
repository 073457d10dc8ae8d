-- Documents, chunks and bytes of an index, counted.
-- -> documents bigint
-- -> chunks bigint
-- -> bytes bigint
SELECT count(*) AS documents, coalesce(sum(d.chunk_count), 0)::bigint AS chunks,
    (SELECT sum(pg_total_relation_size(c.oid))::bigint
     FROM pg_class AS c
     JOIN pg_inherits AS i ON i.inhrelid = c.oid
     WHERE c.relkind = 'r' AND c.relname LIKE '%\_' || :index_id
       AND i.inhparent IN ('documents'::regclass, 'chunks'::regclass, 'chunk_embeddings'::regclass,
           'title_embeddings'::regclass, 'chunk_terms'::regclass, 'vocabulary'::regclass, 'acl_sets'::regclass,
           'acl_members'::regclass)) AS bytes
FROM documents AS d
WHERE d.index_id = :index_id
