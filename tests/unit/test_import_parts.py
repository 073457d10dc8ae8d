"""Parts of pages on their way to the database: what is written together, and how much waits."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.domain.documents import Chunk, Document
from app.domain.imports import PageEnd, PagePart, SliceState
from app.domain.migration import RowRejectedError, SourceRow
from app.importing import parts
from app.importing.parts import PartQueue, cut
from app.importing.source import Event, PageRestart


def row(body: bytes) -> SourceRow:
    if body == b"bad":
        raise RowRejectedError("content_missing", "none")
    return SourceRow(Document(body.decode(), "x", chunks=(Chunk(0, "text"),)), ())


async def events(*given: Event) -> AsyncIterator[Event]:
    for event in given:
        yield event


async def page(name: str, rows: int, *, finished: bool = False) -> PagePart:
    bodies = [f"{name}{number}".encode() for number in range(rows)]
    (part,) = [part async for part in cut(events(*bodies, PageEnd(name, finished=finished)), row)]
    assert isinstance(part, PagePart)
    return part


async def taken(queue: PartQueue) -> tuple[str | None, int, int]:
    part = await queue.take()
    assert isinstance(part, PagePart)
    return (None if part.end is None else part.end.position), len(part.rows), part.pages


async def test_the_first_page_goes_alone_and_the_next_ones_in_growing_numbers() -> None:
    queue = PartQueue()
    for number in range(16):
        await queue.put(await page(f"p{number:02}-", 10, finished=number == 15))
    await queue.put(None)
    assert [await taken(queue) for _ in range(5)] == [
        ("p00-", 10, 1),
        ("p01-", 10, 1),
        ("p03-", 20, 2),
        ("p07-", 40, 4),
        ("p15-", 80, 8),
    ]
    assert await queue.take() is None


async def test_a_page_in_parts_and_a_page_begun_anew_are_not_put_together_with_others() -> None:
    queue = PartQueue()
    await queue.put(await page("first", 10))
    await queue.put(await page("second", 1))
    await queue.put(PagePart(rows=(await page("begun", 3)).rows))
    await queue.put(PageRestart("broke off"))
    await queue.put(await page("third", 1))
    await queue.put(await page("last", 1, finished=True))
    assert await taken(queue) == ("first", 10, 1)
    assert await taken(queue) == ("second", 1, 1)
    assert await taken(queue) == (None, 3, 1)
    assert await queue.take() == PageRestart("broke off")
    assert await taken(queue) == ("last", 2, 2)


async def test_rows_of_one_place_are_written_one_after_the_other() -> None:
    queue = PartQueue()
    await queue.put(await page("first", 10))
    await queue.put(await page("same", 2))
    await queue.put(await page("same", 2))
    await queue.put(await page("last", 1, finished=True))
    assert [await taken(queue) for _ in range(3)] == [("first", 10, 1), ("same", 2, 1), ("last", 3, 2)]


async def test_complete_pages_do_not_wait_long_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_LINGER", 0.01)
    queue = PartQueue()
    await queue.put(await page("first", 10))
    assert await taken(queue) == ("first", 10, 1)
    await queue.put(await page("second", 2))
    assert await taken(queue) == ("second", 2, 1)


async def test_no_more_bytes_wait_than_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    large = await page("x" * 60, 2)
    monkeypatch.setattr(parts, "PART_BYTES", 100)
    assert large.size > parts.PART_BYTES
    queue = PartQueue()
    await queue.put(large)
    waiting = asyncio.create_task(queue.put(await page("y", 1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (await taken(queue))[1:] == (2, 1)
    await waiting
    await queue.put(await page("z" * 98, 1))
    assert (await taken(queue))[1:] == (1, 1), "together they would be too large"


async def test_large_pages_are_cut_and_counts_stay_with_their_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    stream = events(b"a", b"bad", b"b", b"c", PageRestart("x"), b"d", PageEnd(None, finished=True))
    found = [part async for part in cut(stream, row)]
    assert [(len(part.rows), len(part.rejects)) for part in found if isinstance(part, PagePart)] == [(2, 1), (1, 0)]
    assert isinstance(found[1], PageRestart), "what was read of a page that begins anew is forgotten"
    assert isinstance(found[0], PagePart)
    assert found[0].counts == {"quarantined": 1}
    assert found[0].size == len(b"abadb")


async def test_pages_that_go_together_count_as_pages() -> None:
    part, following = await page("a", 2), await page("b", 3, finished=True)
    part.join(following)
    assert part.end is not None
    state = SliceState(0, "x", 4, {"imported": 1}).after(part.end, part.pages, {"imported": len(part.rows)})
    assert (state.position, state.pages, state.counts, state.finished) == ("b", 6, {"imported": 6}, True)
