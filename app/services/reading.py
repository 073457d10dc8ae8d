"""Reading what is stored: sections for those who may, raw rows for those who keep the index."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.domain.documents import Section
from app.domain.errors import DocumentNotFoundError
from app.domain.filters import PermittedFilters
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.services.access import AccessResolver
from app.services.admission import Gate
from app.services.catalog import IndexCatalog
from app.storage.chunks import ChunkRepository
from app.storage.database import Database, Session
from app.storage.documents import DocumentRepository

Row = Mapping[str, Any]
_EXPORT_PAGE = 100


class ReadingService:
    """Sections are filtered as searches are. Documents, listings, scans and exports show what is stored."""

    def __init__(
        self,
        database: Database,
        catalog: IndexCatalog,
        access: AccessResolver,
        documents: DocumentRepository,
        chunks: ChunkRepository,
        gate: Gate,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._access = access
        self._documents = documents
        self._chunks = chunks
        self._gate = gate

    async def sections(
        self, tenant_id: str, index_name: str | None, sections: Sequence[Section], filters: PermittedFilters
    ) -> list[Row]:
        """Return the chunks of sections, in the order of the sections and then of the chunks; no cap.

        An id that no document has is tried once more as one of Onyx's callers spells ids, with _ for '.
        """
        index = await self._catalog.get(tenant_id, index_name)
        keys = [document_key(section.document_id) for section in sections]
        rows = await self._list_sections(index, list(zip(keys, sections, strict=True)), filters)
        answered = {row["section"] for row in rows}
        silent = {s.document_id for place, s in enumerate(sections, start=1) if place not in answered}
        meant = await self._chunks.find_sanitised(index, [name for name in silent if "_" in name]) if silent else {}
        if meant:
            keys = [meant.get(section.document_id, key) for key, section in zip(keys, sections, strict=True)]
            rows = await self._list_sections(index, list(zip(keys, sections, strict=True)), filters)
        return rows

    async def document(
        self, tenant_id: str, index_name: str | None, document_id: str, *, chunks: bool, embeddings: bool
    ) -> tuple[Row, list[Row] | None, str]:
        """Return a document, its chunks if asked for, and the tag of the state it is in.

        Raises
        ------
        DocumentNotFoundError
            There is none of that id.
        """
        index = await self._catalog.get(tenant_id, index_name)
        async with self._view() as session:
            row = await self._documents.get(session, index, document_id)
            if row is not None:
                keys = [row["document_key"]]
                tag = await self._documents.state_tag(session, index, keys[0]) or ""
                if not chunks:
                    return row, None, tag
                parts = await self._chunks.list_of_documents(session, index, keys, with_embeddings=embeddings)
                return row, parts, tag
        await self._catalog.confirm(index)
        raise DocumentNotFoundError(f'There is no document "{document_id}" in the index "{index.name}".')

    async def page(
        self,
        tenant_id: str,
        index_name: str | None,
        after: UUID | None,
        limit: int,
        *,
        chunks: bool,
        embeddings: bool,
    ) -> tuple[list[tuple[Row, list[Row] | None]], UUID | None]:
        """Return one page of all documents, and where the next one begins."""
        index = await self._catalog.get(tenant_id, index_name)
        page, following = await self._page(index, after, limit, chunks=chunks, embeddings=embeddings)
        if not page:
            await self._catalog.confirm(index)
        return page, following

    async def export(
        self, tenant_id: str, index_name: str | None, after: UUID | None, *, chunks: bool, embeddings: bool
    ) -> AsyncIterator[tuple[Row, list[Row] | None]]:
        """Return every document from a position on; a page at a time is held in memory."""
        index = await self._catalog.get(tenant_id, index_name)
        await self._catalog.confirm(index)
        return self._all_pages(index, after, chunks=chunks, embeddings=embeddings)

    async def scan(
        self, tenant_id: str, index_name: str | None, document_ids: Sequence[str], after: tuple[str, int] | None,
        limit: int, *, embeddings: bool,
    ) -> tuple[list[Row], tuple[str, int] | None]:  # fmt: skip
        """Return one page of raw chunks of documents by id and chunk, and where the next one begins."""
        index = await self._catalog.get(tenant_id, index_name)
        rows = await self._chunks.scan(index, document_ids, after, limit + 1, with_embeddings=embeddings)
        if not rows:
            await self._catalog.confirm(index)
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], (rows[limit - 1]["document_id"], rows[limit - 1]["chunk_index"])

    async def _all_pages(
        self, index: Index, after: UUID | None, *, chunks: bool, embeddings: bool
    ) -> AsyncIterator[tuple[Row, list[Row] | None]]:
        position, more = after, True
        while more:
            page, position = await self._page(index, position, _EXPORT_PAGE, chunks=chunks, embeddings=embeddings)
            for item in page:
                yield item
            more = position is not None
        await self._catalog.confirm(index)  # an export that ends is whole: dropping the index breaks it off

    async def _page(
        self, index: Index, after: UUID | None, limit: int, *, chunks: bool, embeddings: bool
    ) -> tuple[list[tuple[Row, list[Row] | None]], UUID | None]:
        async with self._view() as session:
            documents = await self._documents.list_page(session, index, after, limit + 1)
            page, more = documents[:limit], len(documents) > limit
            following = page[-1]["document_key"] if more else None
            if not chunks:
                return [(row, None) for row in page], following
            by_key: dict[UUID, list[Row]] = {row["document_key"]: [] for row in page}
            found = await self._chunks.list_of_documents(session, index, list(by_key), with_embeddings=embeddings)
        for chunk in found:
            by_key[chunk["document_key"]].append(chunk)
        return [(row, by_key[row["document_key"]]) for row in page], following

    @asynccontextmanager
    async def _view(self) -> AsyncIterator[Session]:
        """One view for a document and its chunks: a replacement between the two would show half of each."""
        async with self._database.session("search") as session, session.snapshot():
            yield session

    async def _list_sections(
        self, index: Index, sections: Sequence[tuple[UUID, Section]], filters: PermittedFilters
    ) -> list[Row]:
        async def ask(values: Mapping[str, object]) -> tuple[list[Row], list[Row]]:
            rows = await self._chunks.list_sections(index, sections, values)
            return rows, rows

        async with self._gate.entered():
            rows, _ = await self._access.answered(index, filters, ask)
        return rows
