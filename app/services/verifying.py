"""Holding what is stored against what a source and Onyx say should be."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.domain.documents import Document
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.domain.verification import Finding, Findings, compare_chunk, compare_document
from app.storage.chunks import ChunkRepository
from app.storage.documents import DocumentRepository

_PAGE = 5_000


class SeenChunks:
    """Every chunk a source has, in 12 bytes: 64 bits of its document's key, and its index."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.uint64]] = []
        self._indexes: list[NDArray[np.int32]] = []

    def add(self, documents: Sequence[Document]) -> None:
        """Note the chunks of documents."""
        pairs = [(short_key(d.key), chunk.chunk_index) for d in documents for chunk in d.chunks]
        self._keys.append(np.array([key for key, _ in pairs], dtype=np.uint64))
        self._indexes.append(np.array([chunk_index for _, chunk_index in pairs], dtype=np.int32))

    def counts(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the distinct documents in order, and how many distinct chunks each has."""
        if not self._keys:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        keys, indexes = np.concatenate(self._keys), np.concatenate(self._indexes)
        order = np.lexsort((indexes, keys))
        keys, indexes = keys[order], indexes[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (indexes[1:] != indexes[:-1])
        distinct, counts = np.unique(keys[first], return_counts=True)
        return distinct, counts


class VerificationService:
    """Reads only. What ordinary indexing wrote since an import is newer than the source, and no fault."""

    def __init__(self, documents: DocumentRepository, chunks: ChunkRepository) -> None:
        self._documents = documents
        self._chunks = chunks

    async def compare(self, index: Index, documents: Sequence[Document], findings: Findings) -> int:
        """Compare documents of a source with what is stored; return how many chunks were compared."""
        rows = {
            row["document_key"]: row for row in await self._documents.list_by_keys(index, [d.key for d in documents])
        }
        pairs = [(d.key, chunk.chunk_index) for d in documents for chunk in d.chunks]
        found = {(row["document_key"], row["chunk_index"]): row for row in await self._chunks.list_rows(index, pairs)}
        for document in documents:
            row = rows.get(document.key)
            if row is None:
                findings.add(Finding("missing_document", document.id))
            elif row["written_by"] == "index":
                findings.add(Finding("superseded", document.id, detail="written anew by ordinary indexing"))
            else:
                self._compare(document, row, found, findings)
        return len(pairs)

    def _compare(
        self, document: Document, row: Mapping[str, Any], found: Mapping[tuple[UUID, int], Mapping[str, Any]],
        findings: Findings,
    ) -> None:  # fmt: skip
        if different := compare_document(document, row):
            findings.add(Finding("fields_differ", document.id, detail=", ".join(different)))
        for chunk in document.chunks:
            stored = found.get((document.key, chunk.chunk_index))
            if stored is None:
                findings.add(Finding("missing_chunk", document.id, chunk.chunk_index))
                continue
            for code, detail in compare_chunk(chunk, stored):
                findings.add(Finding(code, document.id, chunk.chunk_index, detail))

    async def compare_counts(self, index: Index, seen: SeenChunks, findings: Findings) -> None:
        """Compare what is stored with all chunks of a source: documents it has not, and chunks too many."""
        keys, counts = seen.counts()
        async for row in self.counts(index):
            place = int(np.searchsorted(keys, np.uint64(short_key(row["document_key"]))))
            known = place < len(keys) and keys[place] == short_key(row["document_key"])
            if row["written_by"] == "index":
                if not known:
                    findings.add(Finding("newer_document", row["document_id"]))
            elif not known:
                findings.add(Finding("orphan", row["document_id"], detail="the source has no such document"))
            elif row["chunk_count"] != counts[place]:
                detail = f"{row['chunk_count']} chunks here, {counts[place]} in the source"
                findings.add(Finding("chunk_count_differs", row["document_id"], detail=detail))

    async def compare_known(
        self, index: Index, known: AsyncIterator[tuple[str, int | None]], findings: Findings
    ) -> list[str]:
        """Compare with the documents Onyx knows; return the ids of those it does not know."""
        stored = [(row["document_id"], row["chunk_count"]) async for row in self.counts(index)]
        keys = np.array([short_key(document_key(name)) for name, _ in stored], dtype=np.uint64)
        order = np.argsort(keys)
        keys = keys[order]
        matched = np.zeros(len(keys), dtype=bool)
        async for name, count in known:
            key = np.uint64(short_key(document_key(name)))
            place = int(np.searchsorted(keys, key))
            if place < len(keys) and keys[place] == key:
                matched[place] = True
                here = stored[int(order[place])][1]
                if count and count != here:
                    detail = f"{here} chunks here, {count} in Onyx's database"
                    findings.add(Finding("onyx_chunk_count_differs", name, detail=detail))
            elif count:
                findings.add(Finding("missing_document", name, detail=f"Onyx has it with {count} chunks"))
            else:
                findings.add(Finding("not_indexed", name, detail="Onyx does not say that it has chunks"))
        unknown = [stored[int(order[place])][0] for place in np.flatnonzero(~matched)]
        for name in unknown:
            findings.add(Finding("unknown_to_onyx", name))
        return unknown

    async def texts_and_embeddings(
        self, index: Index, chunks: Sequence[tuple[str, int]]
    ) -> list[tuple[str, NDArray[np.float16]]]:
        """Return what chunks say and mean, by document id and chunk index; without those that have no embedding."""
        rows = await self._chunks.list_rows(index, [(document_key(name), place) for name, place in chunks])
        return [(row["content"], row["embedding"]) for row in rows if row["embedding"] is not None]

    async def counts(self, index: Index) -> AsyncIterator[Mapping[str, Any]]:
        """Yield every stored document with its chunk count."""
        after: UUID | None = None
        while page := await self._documents.list_counts(index, after, _PAGE):
            for row in page:
                yield row
            after = page[-1]["document_key"]


def short_key(key: UUID) -> int:
    """64 bits of a document's key."""
    return key.int >> 64
