"""Chunks: their three tables, and reading them as they are stored."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.documents import Section
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.domain.replacement import SEGMENT_CHUNKS, ChunkKey, ChunkState, Replacement
from app.storage.chunk_rows import (
    CHUNK_COLUMNS,
    EMBEDDING_COLUMNS,
    SEGMENT_COLUMNS,
    TERMS_COLUMNS,
    chunk_rows,
    embedding_rows,
    terms_rows,
    vector_rows,
)
from app.storage.database import Database, Session
from app.storage.statements import statement
from app.text.batches import TermsBatch

MAX_CHUNK_INDEX = 2**31 - 1


class ChunkRepository:
    """Rows of ``chunks``, ``chunk_embeddings`` with ``chunk_segments``, and ``chunk_terms``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def states(self, session: Session, index: Index, keys: Sequence[UUID]) -> dict[ChunkKey, ChunkState]:
        """Return the digests of what is stored of some documents."""
        return _states(await session.fetch(statement("chunks/list_digests"), index, document_keys=keys))

    async def states_of_chunks(
        self, session: Session, index: Index, keys: Sequence[ChunkKey]
    ) -> dict[ChunkKey, ChunkState]:
        """Return the digests of what is stored of single chunks."""
        rows = await session.fetch(
            statement("chunks/list_chunk_digests"),
            index,
            document_keys=[key for key, _ in keys],
            chunk_indexes=[chunk_index for _, chunk_index in keys],
        )
        return _states(rows)

    async def apply(
        self, session: Session, index: Index, plan: Replacement, terms: TermsBatch | None = None,
        new: Collection[UUID] = (),
    ) -> None:  # fmt: skip
        """Carry out a replacement: what is stale goes first, so that COPY meets no conflict.

        ``new`` are documents of which nothing else is stored, or comes in the same transaction.
        """
        for table, stale in (
            ("chunks", plan.stale_chunks),
            ("embeddings", plan.stale_embeddings),
            ("terms", plan.stale_terms),
        ):
            if stale:
                await session.execute(
                    statement(f"chunks/delete_{table}"),
                    index,
                    document_keys=[key for key, _ in stale],
                    chunk_indexes=[chunk_index for _, chunk_index in stale],
                )
        number = index.index_id
        if plan.chunks:
            await session.copy("chunks", CHUNK_COLUMNS, chunk_rows(number, plan.chunks))
        if plan.embeddings:
            await session.copy("chunk_embeddings", EMBEDDING_COLUMNS, embedding_rows(number, plan.embeddings))
        await self._renew_segments(session, index, plan, new)
        if terms is not None and plan.terms:
            keys = [(document.key, chunk.chunk_index) for document, chunk in plan.terms]
            await session.copy("chunk_terms", TERMS_COLUMNS, terms_rows(number, keys, terms))

    async def _renew_segments(self, session: Session, index: Index, plan: Replacement, new: Collection[UUID]) -> None:
        """Keep the means of consecutive embeddings in step with them."""
        if means := plan.segments_of(new):
            await session.copy("chunk_segments", SEGMENT_COLUMNS, vector_rows(index.index_id, means))
        changed = plan.changed_segments(without=new)
        if not changed:
            return
        values = {
            "document_keys": [key for key, _ in changed],
            "segments": [segment for _, segment in changed],
        }
        if plan.stale_embeddings:  # its last chunk may be gone
            await session.execute(statement("chunks/delete_segments"), index, **values)
        await session.execute(statement("chunks/create_segments"), index, **values, segment_chunks=SEGMENT_CHUNKS)

    async def list_sections(
        self,
        index: Index,
        sections: Sequence[tuple[UUID, Section]],
        filter_values: Mapping[str, object],
    ) -> list[Mapping[str, Any]]:
        """Return the chunks of sections of the documents with those keys, in order.

        ``section`` in a row counts from 1.
        """
        async with self._database.session("search") as session:
            return list(
                await session.fetch(
                    statement("chunks/list_section_chunks"),
                    index,
                    **filter_values,
                    section_keys=[key for key, _ in sections],
                    min_chunk_indexes=[section.min_chunk_index or 0 for _, section in sections],
                    max_chunk_indexes=[
                        MAX_CHUNK_INDEX if section.max_chunk_index is None else section.max_chunk_index
                        for _, section in sections
                    ],
                )
            )

    async def find_sanitised(self, index: Index, document_ids: Sequence[str]) -> dict[str, UUID]:
        """Return the documents meant by ids that no document has, where ' was spelt _ in them."""
        by_key = {document_key(name): name for name in document_ids}
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("chunks/find_sanitised_documents"), index, document_keys=list(by_key))
        return {by_key[row["asked_key"]]: row["document_key"] for row in rows}

    async def list_of_documents(
        self, session: Session, index: Index, keys: Sequence[UUID], *, with_embeddings: bool
    ) -> list[Mapping[str, Any]]:
        """Return the chunks of documents as they are stored."""
        return list(
            await session.fetch(
                statement("chunks/list_document_chunks"), index, document_keys=keys, with_embeddings=with_embeddings
            )
        )

    async def list_rows(self, index: Index, keys: Sequence[ChunkKey]) -> list[Mapping[str, Any]]:
        """Return single chunks as they are stored, with their embeddings, in no order."""
        async with self._database.session("search") as session:
            return list(
                await session.fetch(
                    statement("chunks/list_chunk_rows"),
                    index,
                    document_keys=[key for key, _ in keys],
                    chunk_indexes=[chunk_index for _, chunk_index in keys],
                )
            )

    async def scan(
        self, index: Index, document_ids: Sequence[str], after: tuple[str, int] | None, limit: int, *,
        with_embeddings: bool,
    ) -> list[Mapping[str, Any]]:  # fmt: skip
        """Return one page of raw chunks of documents, in the order of document id and chunk."""
        after_document_id, after_chunk_index = after or (None, None)
        async with self._database.session("search") as session:
            return list(
                await session.fetch(
                    statement("chunks/scan_chunks"),
                    index,
                    document_keys=[document_key(name) for name in document_ids],
                    after_document_id=after_document_id,
                    after_chunk_index=after_chunk_index,
                    limit=limit,
                    with_embeddings=with_embeddings,
                )
            )


def _states(rows: Iterable[Mapping[str, Any]]) -> dict[ChunkKey, ChunkState]:
    return {
        (row["document_key"], row["chunk_index"]): ChunkState(
            row["digest"].bytes, row["embedding_digest"].bytes, row["terms_digest"].bytes
        )
        for row in rows
    }
