-- Sweeps the fences of documents that were deleted so long ago that no writer can be as late.
-- $1 older_than interval
DELETE FROM document_versions AS v WHERE v.deleted_at < now() - $1::interval
