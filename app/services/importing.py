"""Runs of imports: opened, taken up again where they stopped, ended."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from app.domain.documents import WriteMode
from app.domain.imports import ImportBusyError, Run, SliceState
from app.domain.indexes import Index
from app.services.indexing import IndexingService
from app.services.pages import PageWriter
from app.storage.database import Database
from app.storage.imports import ImportRepository

_REJECTS_PAGE = 100


class ImportService:
    """The record of runs. A command that is repeated takes up the run of the same fingerprint."""

    def __init__(self, database: Database, indexing: IndexingService) -> None:
        self._database = database
        self._indexing = indexing
        self._imports = ImportRepository(database)

    async def begin(
        self, index: Index, mode: WriteMode, *, source: str, fingerprint: UUID, parameters: Mapping[str, Any],
        slices: int, expected_rows: int | None, anew: bool = False,
    ) -> Run:  # fmt: skip
        """Open a run, or take up the one that stopped; ``anew`` leaves that one behind."""
        async with self._database.transaction() as session:
            known = await self._imports.find_open(session, index, fingerprint)
            if known is not None and anew:
                await self._imports.finish(session, known, "abandoned", "Begun anew.")
                known = None
            import_id = known or uuid4()
            if known is None:
                await self._imports.create(
                    session, index, import_id, slices, source=source, fingerprint=fingerprint,
                    parameters=parameters, expected_rows=expected_rows,
                )  # fmt: skip
            else:
                await self._imports.resume(session, import_id, expected_rows)
            states = await self._imports.slices(session, import_id)
        return Run(import_id, index, mode, known is not None, expected_rows, tuple(states))

    @asynccontextmanager
    async def hold(self, run: Run) -> AsyncIterator[None]:
        """Be the one process at a run, and keep the index without a graph until it is filled.

        Raises
        ------
        ImportBusyError
            Another process is at it.
        """
        async with self._imports.hold(run.index, run.import_id) as free:
            if not free:
                raise ImportBusyError(f"Another process is at the import {run.import_id}.")
            yield

    def pages(self, run: Run, state: SliceState) -> PageWriter:
        """Write the pages of a slice."""
        return PageWriter(self._database, self._indexing, self._imports, run, state)

    async def finish(self, run: Run, error: str | None = None) -> None:
        """End a run, or note why this attempt stopped."""
        async with self._database.transaction() as session:
            await self._imports.finish(session, run.import_id, "open" if error else "finished", error)

    async def list_runs(self, tenant_id: str, index_name: str | None) -> list[Mapping[str, Any]]:
        """Return the runs of a tenant, the latest first."""
        return await self._imports.list_all(tenant_id, index_name)

    async def rejects(self, import_id: UUID) -> AsyncIterator[Mapping[str, Any]]:
        """Return every row that a run could not take."""
        after = 0
        while page := await self._imports.rejects(import_id, after, _REJECTS_PAGE):
            for row in page:
                yield row
            after = page[-1]["reject_id"]
