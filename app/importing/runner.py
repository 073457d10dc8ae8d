"""One attempt at an import: every slice read, turned and written, side by side."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from app.domain.errors import ServiceError
from app.domain.imports import ImportStoppedError, PagePart, Run, SliceState
from app.importing.parts import WARNING, PartQueue, cut
from app.importing.progress import Reporter, Tally
from app.importing.source import PageRestart, Source
from app.observability import metrics
from app.services.importing import ImportService
from app.services.pages import PageWriter


class ImportRunner:
    """Reads the slices of a source that are not finished, and writes them."""

    def __init__(self, service: ImportService, source: Source, reporter: Reporter) -> None:
        self._service = service
        self._source = source
        self._reporter = reporter

    async def run(self, run: Run) -> Tally:
        """Do what is left of a run. When one slice fails the others are still brought to their end.

        Raises
        ------
        ImportStoppedError
            A slice could not go on; a repeated command takes the run up where it stopped.
        """
        tally = _tally(run)
        slices = [state for state in run.slices if not state.finished]
        async with self._service.hold(run):
            with self._reporter.showing(tally):
                try:
                    outcomes = await self._slices(run, slices, tally)
                except asyncio.CancelledError:
                    await asyncio.shield(self._service.finish(run, "Interrupted."))
                    raise
            failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            if failures:
                reason = "; ".join(dict.fromkeys(_describe(failure) for failure in failures))
                await self._service.finish(run, reason)
                raise ImportStoppedError(
                    f"{len(failures)} of {len(run.slices)} slices stopped: {reason} "
                    "What was written stays; repeat the command to go on."
                ) from failures[0]
            await self._service.finish(run)
        return tally

    async def _slices(self, run: Run, slices: Sequence[SliceState], tally: Tally) -> list[BaseException | None]:
        """Run slices side by side.

        The first rows of a new index settle how BM25 weighs lengths. So that every run weighs alike, they are
        those of the first slice that has any.
        """
        tasks: list[asyncio.Task[None]] = []
        settled = run.index.average_length is not None
        try:
            for state in slices:
                written = asyncio.Event()
                tasks.append(asyncio.create_task(self._slice(run, state, tally, written)))
                if not settled:
                    waiting = asyncio.create_task(written.wait())
                    await asyncio.wait({tasks[-1], waiting}, return_when=asyncio.FIRST_COMPLETED)
                    settled = waiting.done()
                    waiting.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()

    async def _slice(self, run: Run, state: SliceState, tally: Tally, written: asyncio.Event) -> None:
        """Read ahead while what came before is being written."""
        writer = self._service.pages(run, state)
        if run.resumed:
            await writer.restart_page()
        queue = PartQueue()
        page: Counter[str] = Counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fill(queue, state))
            while (part := await queue.take()) is not None:
                if isinstance(part, PageRestart):
                    tally.counts.subtract(page)
                    tally.retries += 1
                    tally.last_trouble = part.cause
                    page.clear()
                    await writer.restart_page()
                else:
                    await self._write(writer, part, page, tally)
                    if part.rows:
                        written.set()
                self._reporter.update(tally)
        tally.finished_slices += 1
        self._reporter.update(tally)

    async def _write(self, writer: PageWriter, part: PagePart, page: Counter[str], tally: Tally) -> None:
        counts = await writer.write(part)
        tally.counts.update(counts)
        page.update(counts)
        for name, number in counts.items():
            if name.startswith(WARNING):
                metrics.IMPORT_WARNINGS.labels(name.removeprefix(WARNING)).inc(number)
        if part.end is not None:
            page.clear()
            metrics.IMPORT_PAGES.labels(str(writer.state.slice)).inc(part.pages)

    async def _fill(self, queue: PartQueue, state: SliceState) -> None:
        async for part in cut(self._source.read(state.slice, state.position), self._source.row):
            await queue.put(part)
        await queue.put(None)


def _tally(run: Run) -> Tally:
    counts: Counter[str] = Counter()
    for state in run.slices:
        counts.update(state.counts)
    tally = Tally(run.expected_rows, len(run.slices), sum(state.finished for state in run.slices), counts)
    tally.before = tally.rows
    return tally


def _describe(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "; ".join(_describe(inner) for inner in failure.exceptions)
    if isinstance(failure, ServiceError):
        return failure.detail
    return f"{type(failure).__name__}: {failure}"
