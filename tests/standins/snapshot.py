"""All that an index holds, to compare two of them row for row."""

from typing import Any

import asyncpg

STATEMENTS = {
    "documents": """
        SELECT d.document_key, d.sanitised_key, d.document_id, a.public, a.entries, d.boost, d.chunk_count, d.hidden,
            d.created_at, d.updated_at, d.source_type, d.document_sets, d.tags, d.hierarchy_node_ids, d.project_ids,
            d.persona_ids, d.written_by, d.title, d.semantic_identifier, d.primary_owners, d.secondary_owners,
            d.metadata::text
        FROM documents AS d JOIN acl_sets AS a ON a.index_id = d.index_id AND a.acl_id = d.acl_id
        WHERE d.index_id = $1 ORDER BY d.document_key""",
    "chunks": """
        SELECT document_key, chunk_index, digest, embedding_digest, terms_digest, content, blurb, doc_summary,
            chunk_context, metadata_suffix, source_links::text, image_file_id
        FROM chunks WHERE index_id = $1 ORDER BY document_key, chunk_index""",
    "chunk_embeddings": """
        SELECT document_key, chunk_index, embedding::text FROM chunk_embeddings
        WHERE index_id = $1 ORDER BY document_key, chunk_index""",
    "title_embeddings": """
        SELECT document_key, embedding::text FROM title_embeddings WHERE index_id = $1 ORDER BY document_key""",
    "chunk_terms": """
        SELECT document_key, chunk_index, length, weights::text, tokens FROM chunk_terms
        WHERE index_id = $1 ORDER BY document_key, chunk_index""",
}


async def snapshot(dsn: str, index: str = "danswer_chunk", tenant: str = "public") -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of an index, without what differs from run to run: numbers given and revisions counted."""
    connection = await asyncpg.connect(dsn)
    try:
        find = "SELECT index_id FROM indexes WHERE name = $1 AND tenant_id = $2"
        index_id = await connection.fetchval(find, index, tenant)
        return {
            table: [tuple(row.values()) for row in await connection.fetch(statement, index_id)]
            for table, statement in STATEMENTS.items()
        }
    finally:
        await connection.close()


async def fetch(dsn: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """Run a statement of the test's own."""
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()
