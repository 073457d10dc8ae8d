"""Fences against late writers: the versions of documents at their sources."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.domain.documents import Writer
from app.domain.indexes import Index
from app.storage.database import Session
from app.storage.statements import statement


class VersionRepository:
    """Rows of ``document_versions``, in the transaction of a write.

    Fences are taken before documents, and in the order of their keys, so that writers never wait in a circle.
    """

    async def admit_writes(
        self, session: Session, index: Index, versions: Mapping[UUID, int], *, only_new: bool
    ) -> set[UUID]:
        """Take note of versions; return the keys of the documents that may be written."""
        rows = await session.fetch(
            statement("documents/admit_writes"),
            index,
            document_keys=list(versions),
            versions=list(versions.values()),
            only_new=only_new,
        )
        return {row["document_key"] for row in rows}

    async def admit_updates(self, session: Session, index: Index, versions: Mapping[UUID, int]) -> set[UUID]:
        """Take note of versions; return the keys of the documents that are there and may be changed."""
        rows = await session.fetch(
            statement("documents/admit_updates"),
            index,
            document_keys=list(versions),
            versions=list(versions.values()),
        )
        return {row["document_key"] for row in rows}

    async def admit_deletes(
        self, session: Session, index: Index, keys: Sequence[UUID], version: int, written_by: Writer | None
    ) -> set[UUID]:
        """Leave tombstones; return the keys of the documents that may be deleted."""
        rows = await session.fetch(
            statement("documents/admit_deletes"), index, document_keys=keys, version=version, written_by=written_by
        )
        return {row["document_key"] for row in rows}

    async def later(self, session: Session, index: Index, keys: Sequence[UUID], version: int) -> set[UUID]:
        """Return the keys of the documents that are known in a later version."""
        rows = await session.fetch(
            statement("documents/list_later_versions"), index, document_keys=keys, version=version
        )
        return {row["document_key"] for row in rows}

    async def forget(self, session: Session, index: Index, keys: Sequence[UUID], written_by: Writer | None) -> None:
        """Take the fences away of documents that will be deleted without a version."""
        await session.execute(statement("documents/delete_versions"), index, document_keys=keys, written_by=written_by)
