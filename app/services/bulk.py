"""Writing a stream of documents: batches over several connections, each durable before it is acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

import structlog

from app.domain.documents import Document, IndexedDocument, WriteMode, Writer
from app.domain.errors import (
    DatabaseFullError,
    DatabaseReadOnlyError,
    DependencyError,
    InvalidRequestError,
    OverloadedError,
    ServiceError,
)
from app.services.indexing import IndexingService

log = structlog.get_logger()

BATCH_CHUNKS = 1_000
"""Chunks from which on a batch is full; it becomes that large only while every writer is busy."""
_BATCH_BYTES = 16 * 1024 * 1024
_WAITS = (0.2, 1.0, 3.0)
"""Seconds between attempts when the database is away or busy."""


@dataclass(frozen=True, slots=True)
class Line:
    """A document of the stream, the number of its line from 1, and the bytes it came in."""

    number: int
    document: Document
    size: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Documents that are durable, by the numbers of their lines."""

    lines: Sequence[int]
    results: Sequence[IndexedDocument]


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not written, and why."""

    number: int
    error: ServiceError


Outcome = Acknowledged | Refused


@dataclass(slots=True)
class _Batch:
    lines: list[Line] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    chunks: int = 0
    size: int = 0

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.ids.add(line.document.id)
        self.chunks += len(line.document.chunks)
        self.size += line.size

    @property
    def full(self) -> bool:
        return self.chunks >= BATCH_CHUNKS or self.size >= _BATCH_BYTES


class BulkWriter:
    """Takes documents one by one, and waits while every writer is busy and a batch is full.

    Two lines with the same document are written in their order. What cannot be written for reasons of its own is
    refused, and the others go on; when the database stays away, the stream fails.

    Parameters
    ----------
    indexing
        Writes batches.
    tenant_id, index_name, mode, written_by
        As `IndexingService.write` takes them.
    report
        Called with every outcome, as it is known.
    writers
        Batches under way at once.
    """

    def __init__(
        self,
        indexing: IndexingService,
        tenant_id: str,
        index_name: str | None,
        mode: WriteMode,
        written_by: Writer,
        report: Callable[[Outcome], None],
        writers: int,
    ) -> None:
        self._indexing = indexing
        self._target = (tenant_id, index_name)
        self._mode = mode
        self._written_by = written_by
        self._report = report
        self._writers = writers
        self._batch = _Batch()
        self._under_way: dict[asyncio.Task[None], set[str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what is under way; after `finish` there is nothing."""
        for task in self._under_way:
            task.cancel()
        for task in list(self._under_way):
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def add(self, line: Line) -> None:
        """Take a document.

        Raises
        ------
        ServiceError
            The stream cannot go on.
        """
        name = line.document.id
        if name in self._batch.ids:
            await self._start()
        while any(name in ids for ids in self._under_way.values()):
            await self._wait()
        self._batch.add(line)
        if self._batch.full:
            await self._start()

    async def pause(self) -> None:
        """Write what there is if a writer is free: nothing more has come for now."""
        await self._collect()
        if self._batch.lines and len(self._under_way) < self._writers:
            await self._start()

    async def finish(self) -> None:
        """Write the rest; when this returns, all of it is acknowledged or refused."""
        await self._start()
        while self._under_way:
            await self._wait()

    async def _start(self) -> None:
        while len(self._under_way) >= self._writers:
            await self._wait()
        if not self._batch.lines:
            return
        batch, self._batch = self._batch, _Batch()
        self._under_way[asyncio.create_task(self._write(batch.lines))] = batch.ids

    async def _wait(self) -> None:
        await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        await self._collect()

    async def _collect(self) -> None:
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            await task

    async def _write(self, lines: Sequence[Line]) -> None:
        try:
            self._report(await self._patiently(lines))
        except InvalidRequestError as error:
            if len(lines) == 1:
                flaws = [replace(flaw, pointer=flaw.pointer.removeprefix("/documents/0")) for flaw in error.flaws]
                self._report(Refused(lines[0].number, type(error)(error.detail, flaws)))
                return
            for line in lines:  # one of them does not fit: the others are written
                await self._write([line])

    async def _patiently(self, lines: Sequence[Line]) -> Acknowledged:
        for wait in _WAITS:
            try:
                return await self._once(lines)
            except (DatabaseFullError, DatabaseReadOnlyError):
                raise
            except (DependencyError, OverloadedError) as error:
                log.warning("bulk_waits", code=error.code, detail=error.detail, seconds=wait)
                await asyncio.sleep(wait)
        return await self._once(lines)

    async def _once(self, lines: Sequence[Line]) -> Acknowledged:
        results = await self._indexing.write(
            *self._target,
            [line.document for line in lines],
            mode=self._mode,
            written_by=self._written_by,
            patient=True,
        )
        return Acknowledged([line.number for line in lines], results)
