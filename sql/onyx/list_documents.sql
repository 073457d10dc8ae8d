-- Run in Onyx's own database: every document that ought to be in the index, with its chunks if they are known.
-- Columns are taken through JSON: releases differ in them.
-- -> id text
-- -> chunk_count integer
SELECT d.id::text AS id, (to_jsonb(d) ->> 'chunk_count')::integer AS chunk_count FROM document AS d
UNION ALL
SELECT u.id::text, (to_jsonb(u) ->> 'chunk_count')::integer FROM user_file AS u
