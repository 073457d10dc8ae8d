-- Enters the mean cosine of unrelated pairs.
-- $1 background_cosine real
UPDATE indexes AS i SET background_cosine = $1 WHERE i.index_id = :index_id
