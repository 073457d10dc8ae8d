"""Writing: documents are replaced, changed and deleted as wholes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.checks import check_documents
from app.domain.conditions import Expected
from app.domain.documents import (
    PUBLIC,
    ChangedDocument,
    Document,
    DocumentUpdate,
    IndexedDocument,
    WriteMode,
    Writer,
)
from app.domain.errors import IndexNotFoundError
from app.domain.idempotency import IdempotentRequest
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.domain.replacement import ChunkKey, ChunkState
from app.embedding.client import EmbeddingClient
from app.observability import metrics
from app.services.admission import Bounds, Gate
from app.services.catalog import IndexCatalog
from app.services.fences import VersionFences
from app.services.idempotency import IdempotentWrites
from app.services.missing_embeddings import MissingEmbeddings
from app.services.replacing import ChunkReplacement
from app.services.vocabulary import Bags, Vocabulary
from app.storage.access import AccessRepository
from app.storage.chunks import ChunkRepository
from app.storage.database import Database, Session
from app.storage.documents import DocumentRepository
from app.storage.indexes import IndexRepository
from app.storage.terms import TermsRepository
from app.text.batches import TERM_BYTES


@dataclass(frozen=True, slots=True)
class Prepared:
    """Documents that fit their index, their terms, the numbers of their access lists, and BM25's average length."""

    documents: Sequence[Document]
    bags: Bags
    acl_ids: Mapping[UUID, int]
    average_length: float


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction wrote: an answer per document, the documents it left alone, and the chunks it found."""

    results: list[IndexedDocument]
    foreign: frozenset[UUID]
    stored: Mapping[ChunkKey, ChunkState]


class IndexingService:
    """Everything that changes documents. One call is one transaction: all of it is durable, or none happened."""

    def __init__(
        self,
        database: Database,
        catalog: IndexCatalog,
        embedder: EmbeddingClient | None,
        gate: Gate | None = None,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._missing = MissingEmbeddings(embedder)
        self._indexes = IndexRepository(database)
        self._documents = DocumentRepository(database)
        self._chunks = ChunkRepository(database)
        self._access = AccessRepository(database)
        self._vocabulary = Vocabulary(TermsRepository(database))
        self._writes = IdempotentWrites(database)
        self.fences = VersionFences(database)
        self._gate = gate or Gate("writes", Bounds(3, 32))

    @property
    def writes_at_once(self) -> int:
        """How many writes there is room for."""
        return self._gate.at_once

    async def write(
        self,
        tenant_id: str,
        index_name: str | None,
        documents: Sequence[Document],
        *,
        mode: WriteMode = "replace",
        written_by: Writer = "index",
        request: IdempotentRequest | None = None,
        expected: Expected | None = None,
        patient: bool = False,
    ) -> list[IndexedDocument]:
        """Write a batch of documents; answers are in the order of the batch.

        Raises
        ------
        InvalidRequestError
            A document does not fit the index; nothing was written.
        PreconditionFailedError
            The document is not as expected.
        OverloadedError
            Too many writes are waiting; who is patient waits with them.
        """
        index = await self._catalog.get(tenant_id, index_name)
        async with self._gate.entered(patient=patient):
            try:
                results = await self._write(index, documents, mode, written_by, request, expected)
            except IndexNotFoundError:  # the one that was remembered was dropped; it may have been made anew
                index = await self._catalog.get_anew(index)
                results = await self._write(index, documents, mode, written_by, request, expected)
        for result in results:
            outcome = "stale" if result.stale else "replaced" if result.already_existed else "new"
            metrics.DOCUMENTS_INDEXED.labels(outcome).inc()
        return results

    async def _write(
        self,
        index: Index,
        documents: Sequence[Document],
        mode: WriteMode,
        written_by: Writer,
        request: IdempotentRequest | None,
        expected: Expected | None,
    ) -> list[IndexedDocument]:
        pointers = [f"/documents/{place}" for place in range(len(documents))]
        prepared = await self.prepare(index, documents, pointers)

        async def work(session: Session) -> list[IndexedDocument]:
            await self.fences.check(session, index, expected)
            return (await self.write_in(session, index, prepared, mode, written_by)).results

        return await self._writes.carry_out(request, IndexedDocument, work)

    async def prepare(self, index: Index, documents: Sequence[Document], pointers: Sequence[str]) -> Prepared:
        """Fit documents to an index, and settle what a transaction stands on."""
        documents, bags = await self.fit(index, documents, pointers)
        acl_ids = await self._access.intern(index, [document.access or PUBLIC for document in documents])
        return Prepared(documents, bags, acl_ids, await self._average_length(index, bags))

    async def fit(
        self, index: Index, documents: Sequence[Document], pointers: Sequence[str]
    ) -> tuple[Sequence[Document], Bags]:
        """Embed what came without an embedding, check everything, tokenise it and note the words."""
        documents = await self._missing.fill(index, documents)
        check_documents(index, documents, pointers)
        return documents, await self._vocabulary.learn(index, documents)

    async def bags(self, index: Index, documents: Sequence[Document]) -> Bags:
        """Tokenise chunks that were fitted before, with their titles."""
        return await self._vocabulary.bags(index, documents)

    async def write_in(
        self, session: Session, index: Index, prepared: Prepared, mode: WriteMode, written_by: Writer
    ) -> Written:
        """Write prepared documents in a transaction of the caller's."""
        late = await self.fences.before_writing(session, index, prepared.documents, mode)
        documents = [document for document in prepared.documents if document.key not in late]
        counts = {document.key: len(document.chunks) for document in documents}
        foreign: frozenset[UUID] = frozenset()
        if mode == "create":
            states = await self._documents.create(session, index, documents, prepared.acl_ids, written_by)
            existed = {key: old for key, (old, _) in states.items()}
            mine = {key for key, (old, writer) in states.items() if not old or writer == written_by != "index"}
            foreign = frozenset(states.keys() - mine)
            documents = [document for document in documents if document.key in mine]
        else:
            existed = await self._documents.upsert(session, index, documents, prepared.acl_ids, counts, written_by)
        stored = await self._stored(session, index, [d for d in prepared.documents if existed.get(d.key)], mode)
        new = {key for key, there in existed.items() if not there}
        replacement = ChunkReplacement(session, self._chunks, index, prepared.average_length, stored, new)
        if mode == "create":
            documents = [_without_chunks(document, stored) for document in documents]
        await replacement.add(documents, prepared.bags)
        if mode == "replace":
            await replacement.remove_tail()
        else:
            counts = await self._documents.count_chunks(session, index, list(existed))
        results = [late.get(d.key) or IndexedDocument(d.id, existed[d.key], counts[d.key]) for d in prepared.documents]
        return Written(results, foreign, stored)

    async def _stored(
        self, session: Session, index: Index, documents: Sequence[Document], mode: WriteMode
    ) -> dict[ChunkKey, ChunkState]:
        """Find what is stored of documents that were there: when they are replaced, also what did not come."""
        if not documents:
            return {}
        if mode == "replace":
            return await self._chunks.states(session, index, [document.key for document in documents])
        came = [(document.key, chunk.chunk_index) for document in documents for chunk in document.chunks]
        return await self._chunks.states_of_chunks(session, index, came)

    async def update(
        self,
        tenant_id: str,
        index_name: str | None,
        updates: Sequence[DocumentUpdate],
        *,
        request: IdempotentRequest | None = None,
        expected: Expected | None = None,
    ) -> list[ChangedDocument]:
        """Change metadata, in the order given; answers in the order of the documents' first mention."""
        index = await self._catalog.get(tenant_id, index_name)
        lists = [update.access for update in updates if update.access is not None]
        acl_ids = await self._access.intern(index, lists) if lists else {}
        keys = {name: document_key(name) for update in updates for name in update.document_ids}

        async def work(session: Session) -> list[ChangedDocument]:
            await self.fences.check(session, index, expected)
            timely, late = await self.fences.before_updating(session, index, updates)
            found = await self._documents.update(session, index, timely, acl_ids, keys)
            return _changed(keys, dict.fromkeys(late, 0) | found, late)

        single = expected is None and len(updates) == 1 and updates[0].version is None
        async with self._gate.entered():
            results = await self._writes.carry_out(request, ChangedDocument, work, single=single)
            await self._confirm(index, results)
        metrics.DOCUMENTS_UPDATED.inc(sum(result.found for result in results))
        return results

    async def delete(
        self,
        tenant_id: str,
        index_name: str | None,
        document_ids: Sequence[str],
        *,
        written_by: Writer | None = None,
        version: int | None = None,
        request: IdempotentRequest | None = None,
        expected: Expected | None = None,
    ) -> list[ChangedDocument]:
        """Delete documents with their chunks; those that are not there are no error."""
        index = await self._catalog.get(tenant_id, index_name)
        keys = {name: document_key(name) for name in document_ids}

        async def work(session: Session) -> list[ChangedDocument]:
            await self.fences.check(session, index, expected)
            late = await self.fences.before_deleting(session, index, list(keys.values()), version, written_by)
            timely = [key for key in keys.values() if key not in late]
            gone = await self._documents.delete(session, index, timely, written_by)
            known = await self._documents.chunk_counts(session, index, list(late)) if late else {}
            return _changed(keys, dict.fromkeys(known, 0) | gone, late)

        async with self._gate.entered():
            results = await self._writes.carry_out(request, ChangedDocument, work)
            await self._confirm(index, results)
        metrics.DOCUMENTS_DELETED.inc(sum(result.found for result in results))
        return results

    async def delete_some(self, tenant_id: str, index_name: str, limit: int) -> tuple[int, int]:
        """Delete up to some number of documents of an index; return how many went and how many are left."""
        index = await self._catalog.get(tenant_id, index_name)
        async with self._database.transaction() as session:
            keys = await self._documents.first_keys(session, index, limit)
            await self.fences.before_deleting(session, index, keys, None, None)
            gone = await self._documents.delete(session, index, keys)
        if not gone:
            await self._catalog.confirm(index)
        metrics.DOCUMENTS_DELETED.inc(len(gone))
        return len(gone), (await self._indexes.size(index)).documents

    async def _average_length(self, index: Index, bags: Bags) -> float:
        """Return the average length BM25 reckons with, at least 1; the first documents of an index settle it."""
        if index.average_length is not None:
            return index.average_length
        terms = sum(map(len, bags.values())) // TERM_BYTES
        return await self._indexes.settle_average_length(index, max(1.0, terms / max(1, len(bags))))

    async def _confirm(self, index: Index, results: list[ChangedDocument]) -> None:
        """Where nothing was found, make sure that the index is still there."""
        if not any(result.found for result in results):
            await self._catalog.confirm(index)


def _changed(keys: Mapping[str, UUID], found: Mapping[UUID, int], late: set[UUID]) -> list[ChangedDocument]:
    return [ChangedDocument(name, key in found, found.get(key, 0), key in late) for name, key in keys.items()]


def _without_chunks(document: Document, stored: dict[ChunkKey, ChunkState]) -> Document:
    if not stored:
        return document
    new = tuple(chunk for chunk in document.chunks if (document.key, chunk.chunk_index) not in stored)
    return replace(document, chunks=new)
