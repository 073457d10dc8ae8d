"""Documents: writing, changing, deleting and listing them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.documents import PUBLIC, Document, DocumentUpdate, Writer, tags, whole_seconds
from app.domain.indexes import Index
from app.domain.keys import document_key, sanitised_key
from app.storage.database import Database, Session
from app.storage.statements import statement


class DocumentRepository:
    """Rows of ``documents`` and ``title_embeddings``. Writes run in the caller's transaction.

    Every write takes its rows in the order of their keys, so that writers wait for each other and never
    in a circle.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def upsert(
        self, session: Session, index: Index, documents: Sequence[Document], acl_ids: Mapping[UUID, int],
        chunk_counts: Mapping[UUID, int], written_by: Writer,
    ) -> dict[UUID, bool]:  # fmt: skip
        """Insert or replace documents and lock them; return by key whether each was there.

        A document without a chunk count keeps the one it has until `count_chunks`.
        """
        ordered = sorted(documents, key=lambda document: document.key)
        rows = [_row(d, acl_ids, chunk_counts.get(d.key, 0)) | {"written_by": written_by} for d in ordered]
        written = await session.fetch_each(statement("documents/upsert_document"), index, rows)
        rows_there = {row["document_key"]: row["already_existed"] for row in written}
        existed = {document.key: rows_there.get(document.key, True) for document in ordered}
        await self._write_title_embeddings(session, index, ordered, existed)
        return existed

    async def create(
        self, session: Session, index: Index, documents: Sequence[Document], acl_ids: Mapping[UUID, int],
        written_by: Writer,
    ) -> dict[UUID, tuple[bool, Writer]]:  # fmt: skip
        """Insert the documents that are not there and lock all; return whether each was, and its writer."""
        rows = [_row(document, acl_ids, 0) for document in documents]
        created = await session.fetch(statement("documents/create_documents"), index, rows=rows, written_by=written_by)
        new = {row["document_key"] for row in created}
        existing = [document.key for document in documents if document.key not in new]
        writers = await session.fetch(statement("documents/list_writers"), index, document_keys=existing)
        await self._write_title_embeddings(session, index, [d for d in documents if d.key in new], {})
        return dict.fromkeys(new, (False, written_by)) | {
            row["document_key"]: (True, row["written_by"]) for row in writers
        }

    async def count_chunks(self, session: Session, index: Index, keys: Sequence[UUID]) -> dict[UUID, int]:
        """Count the stored chunks of documents anew; return the counts by key."""
        rows = await session.fetch(statement("documents/count_chunks"), index, document_keys=sorted(keys))
        return {row["document_key"]: row["chunk_count"] for row in rows}

    async def update(
        self, session: Session, index: Index, updates: Sequence[DocumentUpdate], acl_ids: Mapping[UUID, int],
        keys: Mapping[str, UUID],
    ) -> dict[UUID, int]:  # fmt: skip
        """Change metadata, in order; return the chunk counts of the documents that were found, by key.

        ``keys`` has those of all documents that the updates name.
        """
        named = {keys[name] for update in updates for name in update.document_ids}
        locked = await self._lock(session, index, named) if len(updates) > 1 else None  # one locks for itself
        changes = [_changes(update, acl_ids, keys, locked) for update in updates]
        rows = await session.fetch_each(statement("documents/update_documents"), index, changes)
        return {row["document_key"]: row["chunk_count"] for row in rows}

    async def delete(
        self, session: Session, index: Index, keys: Sequence[UUID], written_by: Writer | None = None
    ) -> dict[UUID, int]:
        """Delete documents with all that belongs to them; return the chunk counts of those found, by key.

        Their fences are the caller's (`VersionRepository`), and come first.
        """
        rows = await session.fetch(
            statement("documents/delete_documents"), index, document_keys=keys, written_by=written_by
        )
        gone = {row["document_key"]: row["chunk_count"] for row in rows}
        if gone:
            for table in ("chunks", "chunk_embeddings", "chunk_segments", "chunk_terms", "title_embeddings"):
                await session.execute(statement(f"documents/delete_{table}"), index, document_keys=list(gone))
        return gone

    async def chunk_counts(self, session: Session, index: Index, keys: Sequence[UUID]) -> dict[UUID, int]:
        """Return the chunk counts of the documents that are there, by key."""
        rows = await session.fetch(statement("documents/list_chunk_counts"), index, document_keys=keys)
        return {row["document_key"]: row["chunk_count"] for row in rows}

    async def first_keys(self, session: Session, index: Index, limit: int) -> list[UUID]:
        """Return the keys of some documents."""
        return [
            row["document_key"] for row in await session.fetch(statement("documents/list_keys"), index, limit=limit)
        ]

    async def get(self, session: Session, index: Index, document_id: str) -> Mapping[str, Any] | None:
        """Return one document, whoever may read it."""
        return await session.fetch_row(
            statement("documents/get_document"), index, document_key=document_key(document_id)
        )

    async def state_tag(self, session: Session, index: Index, key: UUID) -> str | None:
        """Return a text for the state a document is in, with its chunks; None if there is none."""
        row = await session.fetch_row(statement("documents/get_state_tag"), index, document_key=key)
        return None if row is None else str(row["tag"])

    async def locked_state_tag(self, session: Session, index: Index, key: UUID) -> str | None:
        """Return the same, and keep the state as it is until the transaction ends."""
        await session.fetch(statement("documents/lock_version"), index, document_key=key)
        await session.fetch(statement("documents/lock_documents"), index, document_keys=[key])
        return await self.state_tag(session, index, key)

    async def list_page(
        self, session: Session, index: Index, after: UUID | None, limit: int
    ) -> list[Mapping[str, Any]]:
        """Return the documents whose keys come after one."""
        return list(await session.fetch(statement("documents/list_documents"), index, after=after, limit=limit))

    async def list_by_keys(self, index: Index, keys: Sequence[UUID]) -> list[Mapping[str, Any]]:
        """Return documents by their keys, in no order."""
        async with self._database.session("search") as session:
            return list(await session.fetch(statement("documents/list_by_keys"), index, document_keys=keys))

    async def list_counts(self, index: Index, after: UUID | None, limit: int) -> list[Mapping[str, Any]]:
        """Return ids, chunk counts and writers of the documents whose keys come after one."""
        async with self._database.session("search") as session:
            return list(await session.fetch(statement("documents/list_counts"), index, after=after, limit=limit))

    async def _lock(self, session: Session, index: Index, keys: Collection[UUID]) -> set[UUID]:
        """Lock documents that several updates will change; return the keys of those that are there.

        Only they may be changed then: one that comes up later is locked by its writer, who may wait for us.
        """
        rows = await session.fetch(statement("documents/lock_documents"), index, document_keys=list(keys))
        return {row["document_key"] for row in rows}

    async def _write_title_embeddings(
        self, session: Session, index: Index, documents: Sequence[Document], existed: Mapping[UUID, bool]
    ) -> None:
        gone = [d.key for d in documents if d.title_embedding is None and existed.get(d.key)]
        if gone:
            await session.execute(statement("documents/delete_title_embeddings"), index, document_keys=gone)
        await session.fetch_each(
            statement("documents/upsert_title_embedding"),
            index,
            [
                {"document_key": document.key, "embedding": document.title_embedding}
                for document in documents
                if document.title_embedding is not None
            ],
        )


def _row(document: Document, acl_ids: Mapping[UUID, int], chunk_count: int) -> dict[str, object]:
    return {
        "document_key": document.key,
        "sanitised_key": sanitised_key(document.id),
        "document_id": document.id,
        "acl_id": acl_ids[(document.access or PUBLIC).digest],
        "boost": document.boost,
        "chunk_count": chunk_count,
        "hidden": document.hidden,
        "created_at": whole_seconds(document.created_at),
        "updated_at": whole_seconds(document.updated_at),
        "source_type": document.source_type,
        "document_sets": document.document_sets,
        "tags": tags(document.metadata),
        "hierarchy_node_ids": document.hierarchy_node_ids,
        "project_ids": document.project_ids,
        "persona_ids": document.persona_ids,
        "title": document.title,
        "semantic_identifier": document.semantic_identifier,
        "primary_owners": document.primary_owners,
        "secondary_owners": document.secondary_owners,
        "metadata": document.metadata,
    }


def _changes(
    update: DocumentUpdate, acl_ids: Mapping[UUID, int], keys: Mapping[str, UUID], locked: set[UUID] | None
) -> dict[str, object]:
    named = [keys[name] for name in update.document_ids]
    return {
        "document_keys": named if locked is None else [key for key in named if key in locked],
        "acl_id": None if update.access is None else acl_ids[update.access.digest],
        "document_sets": update.document_sets,
        "boost": update.boost,
        "hidden": update.hidden,
        "project_ids": update.project_ids,
        "persona_ids": update.persona_ids,
        "hierarchy_node_ids": update.hierarchy_node_ids,
        "created_at": whole_seconds(update.created_at),
        "updated_at": whole_seconds(update.updated_at),
        "metadata": update.metadata,
        "tags": None if update.metadata is None else tags(update.metadata),
    }
