-- Which documents a request may see and wants: one boolean over documents AS d.
-- Contract: docs/filter-semantics.md. Every statement that includes it takes these as its first parameters.
-- $1 hidden boolean               null = hidden and visible alike
-- $2 acl_bitmap bytea             bit n set = acl_id n is readable; null = unrestricted
-- $3 acl_count integer            bits in $2; ids from there on are newer than the bitmap and not readable by it
-- $4 forced_document_sets text[]
-- $5 source_types text[]
-- $6 tags text[]
-- $7 document_keys uuid[]         $7 to $11 are the knowledge scope: any one suffices
-- $8 hierarchy_node_ids bigint[]
-- $9 document_sets text[]
-- $10 persona_id bigint
-- $11 project_id bigint
-- $12 created_from timestamptz
-- $13 created_to timestamptz
-- $14 updated_from timestamptz
-- $15 updated_to timestamptz
-- $16 keep_undated boolean        documents without updated_at pass the range $14 to $15
-- $17 metadata jsonb
($1::boolean IS NULL OR d.hidden = $1)
AND ($2::bytea IS NULL OR CASE WHEN d.acl_id < $3::integer THEN get_bit($2, d.acl_id) = 1 ELSE false END)
AND ($4::text[] IS NULL OR d.document_sets && $4)
AND ($5::text[] IS NULL OR d.source_type IN (SELECT unnest($5)))
AND ($6::text[] IS NULL OR d.tags && $6)
AND (
    ($7::uuid[] IS NULL AND $8::bigint[] IS NULL AND $9::text[] IS NULL AND $10::bigint IS NULL AND $11::bigint IS NULL)
    OR ($7 IS NOT NULL AND d.document_key IN (SELECT unnest($7)))
    OR ($8 IS NOT NULL AND d.hierarchy_node_ids && $8)
    OR ($9 IS NOT NULL AND d.document_sets && $9)
    OR ($10 IS NOT NULL AND d.persona_ids @> ARRAY[$10])
    OR ($11 IS NOT NULL AND d.project_ids @> ARRAY[$11])
)
AND (($12::timestamptz IS NULL AND $13::timestamptz IS NULL) OR d.created_at IS NULL
     OR (($12 IS NULL OR d.created_at >= $12) AND ($13 IS NULL OR d.created_at <= $13)))
AND (($14::timestamptz IS NULL AND $15::timestamptz IS NULL)
     OR (d.updated_at IS NULL AND $16::boolean)
     OR (($14 IS NULL OR d.updated_at >= $14) AND ($15 IS NULL OR d.updated_at <= $15)))
AND ($17::jsonb IS NULL OR d.metadata @> $17)
