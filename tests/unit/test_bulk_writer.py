"""Batches of a stream: their size, their order, and what becomes of them when writing fails."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.documents import Chunk, Document, IndexedDocument
from app.domain.errors import DatabaseFullError, DatabaseUnavailableError, InvalidRequestError
from app.services import bulk
from app.services.bulk import BATCH_CHUNKS, Acknowledged, BulkWriter, Line, Outcome, Refused


class Indexing:
    """Takes the place of the service: remembers batches, and fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failures: list[Exception] = []
        self.room = asyncio.Event()
        self.room.set()
        self.under_way = self.most = 0

    async def write(
        self, _tenant: str, _index: str | None, documents: Sequence[Document], **_: object
    ) -> list[IndexedDocument]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.room.wait()
            await asyncio.sleep(0)
            if self.failures:
                raise self.failures.pop(0)
            if len(documents) > 1 and any(document.id.startswith("bad") for document in documents):
                raise InvalidRequestError("one does not fit")
            if documents[0].id.startswith("bad"):
                raise InvalidRequestError("it does not fit")
        finally:
            self.under_way -= 1
        self.batches.append([document.id for document in documents])
        return [IndexedDocument(document.id, already_existed=False, chunk_count=1) for document in documents]


def line(number: int, name: str | None = None, *, chunks: int = 1) -> Line:
    parts = tuple(Chunk(place, "x") for place in range(chunks))
    return Line(number, Document(id=name or f"d{number}", semantic_identifier="", chunks=parts), 100)


def made(indexing: Indexing, outcomes: list[Outcome], writers: int = 2) -> BulkWriter:
    service: Any = indexing
    return BulkWriter(service, "public", None, "replace", "index", outcomes.append, writers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_WAITS", (0.0, 0.0))


async def test_what_comes_while_all_are_busy_is_written_together() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    indexing.room.clear()
    async with made(indexing, outcomes) as writer:
        for number in range(1, 11):
            await writer.add(line(number))
            await writer.pause()
        indexing.room.set()
        await writer.finish()
    assert indexing.batches == [["d1"], ["d2"], [f"d{number}" for number in range(3, 11)]]
    assert [outcome.lines for outcome in outcomes if isinstance(outcome, Acknowledged)][-1] == list(range(3, 11))
    assert indexing.most == 2


async def test_a_full_batch_waits_for_a_writer() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    indexing.room.clear()
    async with made(indexing, outcomes, writers=1) as writer:
        await writer.add(line(1, chunks=BATCH_CHUNKS))
        second = asyncio.create_task(writer.add(line(2, chunks=BATCH_CHUNKS)))
        await asyncio.sleep(0.01)
        assert not second.done()
        indexing.room.set()
        await second
        await writer.finish()
    assert indexing.batches == [["d1"], ["d2"]]


async def test_a_document_that_comes_again_waits_for_its_first_version() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    async with made(indexing, outcomes, writers=4) as writer:
        for number, name in enumerate(["a", "b", "a", "a"], start=1):
            await writer.add(line(number, name))
        await writer.finish()
    assert indexing.batches == [["a", "b"], ["a"], ["a"]]


async def test_what_does_not_fit_is_refused_alone() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    async with made(indexing, outcomes) as writer:
        for number, name in enumerate(["a", "bad", "c"], start=1):
            await writer.add(line(number, name))
        await writer.finish()
    assert [outcome.number for outcome in outcomes if isinstance(outcome, Refused)] == [2]
    assert indexing.batches == [["a"], ["c"]]


async def test_a_database_that_comes_back_is_waited_for() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    indexing.failures = [DatabaseUnavailableError("away"), DatabaseUnavailableError("away")]
    async with made(indexing, outcomes) as writer:
        await writer.add(line(1))
        await writer.finish()
    assert indexing.batches == [["d1"]]


@pytest.mark.parametrize("failures", [[DatabaseUnavailableError("away")] * 3, [DatabaseFullError("full")]])
async def test_one_that_stays_away_ends_the_stream(failures: list[Exception]) -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    indexing.failures = list(failures)
    async with made(indexing, outcomes) as writer:
        await writer.add(line(1))
        with pytest.raises(type(failures[0])):
            await writer.finish()
    assert outcomes == []
    assert indexing.under_way == 0


async def test_who_leaves_stops_what_is_under_way() -> None:
    indexing, outcomes = Indexing(), list[Outcome]()
    indexing.room.clear()
    async with made(indexing, outcomes) as writer:
        await writer.add(line(1))
        await writer.pause()
        await asyncio.sleep(0)
        assert indexing.under_way == 1
    assert (indexing.under_way, outcomes) == (0, [])
