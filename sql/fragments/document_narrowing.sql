-- Leads to documents AS d by an index, by the parameters of document_filter: true of whatever passes that, and of little
-- else. It stands beside document_filter where a statement is planned for its values; conditions that are not asked for
-- are gone from the plan then.
($4 IS NULL OR d.label_keys && label_keys('set', $4))
AND ($5 IS NULL OR d.label_keys && label_keys('source', $5))
AND ($6 IS NULL OR d.label_keys && label_keys('tag', $6))
AND (
    ($7 IS NULL AND $9 IS NULL)
    OR ($7 IS NOT NULL AND d.document_key = ANY ($7))
    OR ($8 IS NOT NULL AND d.hierarchy_node_ids && $8)
    OR ($9 IS NOT NULL AND d.label_keys && label_keys('set', $9))
    OR ($10 IS NOT NULL AND d.persona_ids @> ARRAY[$10])
    OR ($11 IS NOT NULL AND d.project_ids @> ARRAY[$11])
)
