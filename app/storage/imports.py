"""Runs of imports: what they are, how far they have come, and what they could not take."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.domain.imports import Reject, SliceState
from app.domain.indexes import Index
from app.storage.database import Database, Session
from app.storage.statements import statement


class ImportRepository:
    """Rows of ``imports``, ``import_slices`` and ``import_rejects``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def hold(self, index: Index, import_id: UUID) -> AsyncIterator[bool]:
        """Keep other processes from a run, and the maintainer from the index, by locks on a connection.

        Yields whether the run was free.
        """
        async with self._database.dedicated_session() as session:
            row = await session.fetch_row(statement("imports/lock_import"), import_id=str(import_id))
            await session.execute(statement("imports/announce_import"), index)
            yield bool(row and row["locked"])

    async def find_open(self, session: Session, index: Index, fingerprint: UUID) -> UUID | None:
        """Return the run that a repeated command takes up again; others who look wait."""
        await session.execute(statement("imports/lock_fingerprint"), fingerprint=f"{index.index_id}/{fingerprint}")
        row = await session.fetch_row(statement("imports/find_open_import"), index, fingerprint=fingerprint)
        return None if row is None else row["import_id"]

    async def create(self, session: Session, index: Index, import_id: UUID, slices: int, **values: object) -> None:
        """Open a run."""
        await session.execute(statement("imports/create_import"), index, import_id=import_id, **values)
        await session.execute(statement("imports/create_slices"), import_id=import_id, slices=slices)

    async def resume(self, session: Session, import_id: UUID, expected_rows: int | None) -> None:
        """Note that a run is taken up again."""
        await session.execute(statement("imports/resume_import"), import_id=import_id, expected_rows=expected_rows)

    async def slices(self, session: Session, import_id: UUID) -> list[SliceState]:
        """Return how far the slices of a run have come."""
        rows = await session.fetch(statement("imports/list_slices"), import_id=import_id)
        return [SliceState(r["slice"], r["position"], r["pages"], r["counts"], r["finished"]) for r in rows]

    async def save_slice(self, session: Session, import_id: UUID, state: SliceState) -> None:
        """Note that a page of a slice is done."""
        await session.execute(
            statement("imports/save_slice"),
            import_id=import_id,
            slice=state.slice,
            position=state.position,
            pages=state.pages,
            counts=state.counts,
            finished=state.finished,
        )

    async def save_rejects(
        self, session: Session, import_id: UUID, slice_number: int, page: int, rejects: Sequence[Reject]
    ) -> int:
        """Keep rows that could not be taken; return the number of the last one."""
        rows = await session.fetch(
            statement("imports/save_rejects"),
            import_id=import_id,
            slice=slice_number,
            page=page,
            codes=[reject.code for reject in rejects],
            details=[reject.detail for reject in rejects],
            bodies=[reject.body for reject in rejects],
        )
        return max(int(row["reject_id"]) for row in rows)

    async def delete_page_rejects(
        self, session: Session, import_id: UUID, slice_number: int, page: int, after: int = 0
    ) -> None:
        """Forget what was kept of a page, or of its last part, that is written again."""
        await session.execute(
            statement("imports/delete_page_rejects"), import_id=import_id, slice=slice_number, page=page, after=after
        )

    async def finish(self, session: Session, import_id: UUID, state: str, error: str | None) -> None:
        """End a run, or note why an attempt stopped."""
        await session.execute(statement("imports/finish_import"), import_id=import_id, state=state, error=error)

    async def list_all(self, tenant_id: str, index_name: str | None) -> list[Mapping[str, Any]]:
        """Return the runs of a tenant, the latest first."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("imports/list_imports"), tenant_id=tenant_id, index_name=index_name)
        return list(rows)

    async def rejects(self, import_id: UUID, after: int, limit: int) -> list[Mapping[str, Any]]:
        """Return a page of the rows that a run could not take."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("imports/list_rejects"), import_id=import_id, after=after, limit=limit)
        return list(rows)
