"""Rows on their way from the reader of a slice to its writer: cut out of large pages, put together from small ones."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from app.domain.imports import PageEnd, PagePart, PageRow, Reject
from app.domain.migration import RowRejectedError, RowSkippedError, SourceRow
from app.importing.source import Event, PageRestart

PART_ROWS = 500
PART_BYTES = 6 << 20
"""How much is written at once, and how much more may wait meanwhile; memory is bounded by this and the number of
slices, not by the page."""

WARNING = "warning:"

_LINGER = 1.0
"""Seconds that complete pages wait for more to be written with."""

Waiting = PagePart | PageRestart | None
"""None is the end of the slice."""


async def cut(
    events: AsyncIterator[Event], turn: Callable[[bytes], SourceRow]
) -> AsyncIterator[PagePart | PageRestart]:
    """Cut a stream of rows into parts, none of more than a page.

    Parameters
    ----------
    events
        What a source gives of a slice.
    turn
        Makes documents of rows; what it refuses or leaves out is counted.
    """
    part = PagePart()
    async for event in events:
        if isinstance(event, PageRestart):
            part = PagePart()
            yield event
        elif isinstance(event, PageEnd):
            part.end = event
            yield part
            part = PagePart()
        else:
            _take(part, event, turn)
            if len(part.rows) >= PART_ROWS or part.size >= PART_BYTES:
                yield part
                part = PagePart()


def _take(part: PagePart, body: bytes, turn: Callable[[bytes], SourceRow]) -> None:
    part.size += len(body)
    try:
        row = turn(body)
    except RowSkippedError as skipped:
        part.counts["skipped"] += 1
        part.counts[f"skipped:{skipped.reason}"] += 1
    except RowRejectedError as rejected:
        part.counts["quarantined"] += 1
        part.rejects.append(Reject(rejected.code, rejected.detail, body))
    else:
        part.rows.append(PageRow(row, body))
        for warning in row.warnings:
            part.counts[WARNING + warning] += 1


class PartQueue:
    """Bounded by bytes and by parts. A transaction costs as much as dozens of rows do: small pages share one.

    How many rows go together grows from the first page on, which is written alone: what a run that is stopped early
    has written is so always something, and the first rows of an index are always the same ones.
    """

    def __init__(self) -> None:
        self._items: deque[Waiting] = deque()
        self._size = 0
        self._rows = 0
        self._changed = asyncio.Event()

    async def put(self, item: Waiting) -> None:
        """Add a part; wait while too much is waiting."""
        while self._is_full():
            await self._change()
        self._items.append(item)
        self._size += item.size if isinstance(item, PagePart) else 0
        self._changed.set()

    async def take(self) -> Waiting:
        """Return the next part, with those that may be written with it."""
        while not self._items:
            await self._change()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while not self._is_enough():
                    await self._change()
        part = self._pop()
        if isinstance(part, PagePart):
            self._join_following(part)
            self._rows += len(part.rows)
        return part

    def _join_following(self, part: PagePart) -> None:
        keys = part.keys()
        while part.end is not None and len(part.rows) < self._rows and self._items:
            page = self._items[0]
            if not isinstance(page, PagePart) or page.end is None:
                return
            if len(part.rows) + len(page.rows) > PART_ROWS or part.size + page.size > PART_BYTES:
                return
            more = page.keys()
            if not keys.isdisjoint(more):  # which of two rows counts must not depend on what is written together
                return
            keys |= more
            part.join(page)
            self._pop()

    def _is_enough(self) -> bool:
        last = self._items[-1]
        if not isinstance(last, PagePart) or last.end is None or last.end.finished or self._is_full():
            return True
        return sum(len(item.rows) for item in self._items if isinstance(item, PagePart)) >= min(self._rows, PART_ROWS)

    def _is_full(self) -> bool:
        return self._size >= PART_BYTES or len(self._items) >= PART_ROWS

    def _pop(self) -> Waiting:
        item = self._items.popleft()
        self._size -= item.size if isinstance(item, PagePart) else 0
        self._changed.set()
        return item

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
