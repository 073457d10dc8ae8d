"""Late writers are told so: what is older than a version that is known changes nothing.

Whoever tells no version is not compared, and writes as if there were no fences.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.conditions import Expected
from app.domain.documents import Document, DocumentUpdate, IndexedDocument, WriteMode, Writer
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.storage.database import Database, Session
from app.storage.documents import DocumentRepository
from app.storage.versions import VersionRepository


class VersionFences:
    """Asked before documents are locked, in the transaction of the write."""

    def __init__(self, database: Database) -> None:
        self._documents = DocumentRepository(database)
        self._versions = VersionRepository()

    async def check(self, session: Session, index: Index, expected: Expected | None) -> None:
        """Make sure that a document is as its writer saw it, and keep it so until the transaction ends.

        Raises
        ------
        PreconditionFailedError
            It is not.
        """
        if expected is not None:
            expected.check(await self._documents.locked_state_tag(session, index, expected.key))

    async def before_writing(
        self, session: Session, index: Index, documents: Sequence[Document], mode: WriteMode
    ) -> dict[UUID, IndexedDocument]:
        """Return the answers to the documents that come too late, by key.

        Of documents that are there, a creation leaves everything as it is, their versions included.
        """
        versions = {document.key: document.version for document in documents if document.version is not None}
        if not versions:
            return {}
        creating = mode == "create"
        admitted = await self._versions.admit_writes(session, index, versions, only_new=creating)
        refused = [key for key in versions if key not in admitted]
        counts = await self._documents.chunk_counts(session, index, refused) if refused else {}
        late = {key for key in refused if not (creating and key in counts)}
        return {
            document.key: IndexedDocument(document.id, document.key in counts, counts.get(document.key, 0), stale=True)
            for document in documents
            if document.key in late
        }

    async def before_updating(
        self, session: Session, index: Index, updates: Sequence[DocumentUpdate]
    ) -> tuple[list[DocumentUpdate], set[UUID]]:
        """Return the updates without what comes too late, and the keys of the documents they would have changed.

        Updates of a request are one step: of a document that several name, the latest version counts.
        """
        versions: dict[UUID, int] = {}
        for update in updates:
            if update.version is not None:
                for key in map(document_key, update.document_ids):
                    versions[key] = max(update.version, versions.get(key, update.version))
        if not versions:
            return list(updates), set()
        admitted = await self._versions.admit_updates(session, index, versions)
        refused = [key for key in versions if key not in admitted]
        late = set(await self._documents.chunk_counts(session, index, refused)) if refused else set()
        return [_without(update, late) for update in updates], late

    async def before_deleting(
        self, session: Session, index: Index, keys: Sequence[UUID], version: int | None, written_by: Writer | None
    ) -> set[UUID]:
        """Return the keys of the documents that are known in a later version."""
        if version is None:
            await self._versions.forget(session, index, keys, written_by)
            return set()
        admitted = await self._versions.admit_deletes(session, index, keys, version, written_by)
        refused = [key for key in keys if key not in admitted]
        return await self._versions.later(session, index, refused, version) if refused else set()


def _without(update: DocumentUpdate, late: set[UUID]) -> DocumentUpdate:
    if update.version is None:
        return update
    return replace(update, document_ids=tuple(name for name in update.document_ids if document_key(name) not in late))
