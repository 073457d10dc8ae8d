"""Writing pages of an import: rows, rejects and position in one transaction."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from app.domain.errors import DatabaseFullError, DatabaseReadOnlyError, DependencyError, ServiceError
from app.domain.imports import OUTCOMES, PagePart, PageRow, Reject, Run, SliceState, gather, judge
from app.observability import metrics
from app.services.indexing import IndexingService, Prepared
from app.storage.database import Database, Session
from app.storage.imports import ImportRepository

log = structlog.get_logger()

T = TypeVar("T")

_WAITS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 30.0, 30.0)
"""Seconds between tries while the database is away."""


class PageWriter:
    """Writes the pages of one slice, a part at a time.

    A page counts as done in the transaction that writes its last part, which may be that of several pages. A page that
    is read again, because the source broke off or the process died, is written again: what is there already stays as
    it is.
    """

    def __init__(
        self, database: Database, indexing: IndexingService, imports: ImportRepository, run: Run, state: SliceState
    ) -> None:
        self._database = database
        self._indexing = indexing
        self._imports = imports
        self._run = run
        self._index = run.index
        self._last_reject = 0
        self._in_doubt = False
        self._page: Counter[str] = Counter()
        self.state = state

    async def restart_page(self) -> None:
        """Forget what was counted and kept of a page that is read again."""
        self._page.clear()
        await self._patiently(self._forget_page)

    async def _forget_page(self) -> None:
        async with self._database.transaction() as session:
            await self._imports.delete_page_rejects(session, self._run.import_id, self.state.slice, self.state.pages)

    async def write(self, part: PagePart) -> Counter[str]:
        """Write a part; return what became of its rows. A database that is away is waited for.

        Raises
        ------
        DependencyError
            The database stayed away, is full or takes no writes.
        """
        return await self._patiently(lambda: self._write(part))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        for wait in _WAITS:
            try:
                return await work()
            except (DatabaseFullError, DatabaseReadOnlyError):
                raise
            except DependencyError as error:
                self._in_doubt = True  # it may have been committed, and only the answer lost
                log.warning("import_waits", code=error.code, detail=error.detail, seconds=wait)
                await asyncio.sleep(wait)
        return await work()

    async def _write(self, part: PagePart) -> Counter[str]:
        counts, rejects = Counter(part.counts), list(part.rejects)
        try:
            return await self._commit(part.rows, counts, rejects, part)
        except DependencyError:
            raise
        except Exception as error:
            if not part.rows:
                raise
            log.info("import_isolates", rows=len(part.rows), error=_reason(error)[1])
        counts, rejects = Counter(part.counts), list(part.rejects)
        for item in part.rows:
            await self._write_alone(item, counts, rejects)
        return await self._commit([], counts, rejects, part)

    async def _write_alone(self, item: PageRow, counts: Counter[str], rejects: list[Reject]) -> None:
        """Write a single row of a part that could not be written as a whole."""
        try:
            found, conflicts = await self._commit_rows([item])
        except DependencyError:
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with one row, the others go on
            counts["quarantined"] += 1
            rejects.append(Reject(*_reason(error), item.body))
            return
        counts.update(found)
        rejects += conflicts

    async def _commit_rows(self, rows: list[PageRow]) -> tuple[Counter[str], list[Reject]]:
        counts: Counter[str] = Counter()
        rejects: list[Reject] = []
        prepared = await self._prepare(rows, counts, rejects)
        async with self._database.transaction() as session:
            await self._write_in(session, prepared, counts, rejects)
        return counts, rejects

    async def _commit(
        self, rows: list[PageRow], counts: Counter[str], rejects: list[Reject], part: PagePart
    ) -> Counter[str]:
        prepared = await self._prepare(rows, counts, rejects)
        async with self._database.transaction() as session:
            await self._write_in(session, prepared, counts, rejects)
            after, last_reject = await self._save_progress(session, counts, rejects, part)
        self._last_reject, self._in_doubt = last_reject, False
        if part.end is None:
            self._page += counts
        else:
            self._page.clear()
            self.state = after
        for outcome in OUTCOMES:
            metrics.IMPORT_ROWS.labels(outcome).inc(counts[outcome])
        return counts

    async def _prepare(
        self, rows: list[PageRow], counts: Counter[str], rejects: list[Reject]
    ) -> list[tuple[Prepared, list[PageRow]]]:
        gathered = gather(rows)
        counts["unchanged"] += len(gathered.repeated)
        counts["quarantined"] += len(gathered.rejects)
        rejects += gathered.rejects
        prepared = []
        for writer, group in gathered.groups.items():
            documents = list(group.values())
            fitting = await self._indexing.prepare(self._index, documents, [item.id for item in documents])
            self._index = replace(self._index, average_length=fitting.average_length)  # settled once, by the first
            prepared.append((fitting, [item for item in gathered.rows if item.row.written_by == writer]))
        return prepared

    async def _write_in(
        self, session: Session, prepared: list[tuple[Prepared, list[PageRow]]], counts: Counter[str],
        rejects: list[Reject],
    ) -> None:  # fmt: skip
        for documents, rows in prepared:
            written = await self._indexing.write_in(
                session, self._run.index, documents, self._run.mode, rows[0].row.written_by
            )
            found, conflicts = judge(rows, written.foreign, written.stored, self._run.mode)
            counts.update(found)
            rejects += conflicts

    async def _save_progress(
        self, session: Session, counts: Counter[str], rejects: list[Reject], part: PagePart
    ) -> tuple[SliceState, int]:
        state, last = self.state, self._last_reject
        counts.update(f"quarantined:{reject.code}" for reject in rejects)
        place = (self._run.import_id, state.slice, state.pages)
        if self._in_doubt:
            await self._imports.delete_page_rejects(session, *place, after=self._last_reject)
        if rejects:
            last = await self._imports.save_rejects(session, *place, rejects)
        if part.end is not None:
            state = state.after(part.end, part.pages, self._page + counts)
            await self._imports.save_slice(session, self._run.import_id, state)
        return state, last


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, ServiceError):
        return error.code, error.detail
    return "unexpected", f"{type(error).__name__}: {error}"
