-- Has the tables of all indexes alone, all at once: dropping a partition needs its parent, and taking one parent
-- after the other could meet a reader half-way.
LOCK TABLE documents, document_versions, chunks, chunk_embeddings, chunk_segments, title_embeddings, chunk_terms, vocabulary, acl_sets,
    acl_members
IN ACCESS EXCLUSIVE MODE
