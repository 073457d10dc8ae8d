-- How many chunks an index has, counted while that is cheap, and when and on how many it was analysed.
-- -> chunks bigint
-- -> analysed_chunks real
-- -> analysed_at timestamptz   null: never
SELECT CASE WHEN s.analysed_at IS NOT NULL AND s.table_bytes > 64 * 1024 * 1024
            THEN s.expected_rows
            ELSE (SELECT count(*) FROM chunk_terms AS t WHERE t.index_id = :index_id)
       END AS chunks,
    s.analysed_rows::real AS analysed_chunks, s.analysed_at
FROM shard_statistics('chunk_terms_' || :index_id) AS s
