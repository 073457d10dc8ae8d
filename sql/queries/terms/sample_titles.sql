-- Titles of some documents: keys are hashes, so the first ones by key are a random sample.
-- $1 limit bigint
-- -> title text
SELECT d.title
FROM documents AS d
WHERE d.index_id = :index_id
ORDER BY d.document_key
LIMIT $1
