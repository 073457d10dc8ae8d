import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest

from app.domain.callers import OPERATOR
from app.domain.filters import Filters, PermittedFilters
from app.domain.indexes import Index
from app.services.access import AccessResolver
from app.storage.access import AccessRepository, ReadableSets

if TYPE_CHECKING:
    from app.services.catalog import IndexCatalog

INDEX = Index(1, "public", "i", 8, "english", True, "default", 1, None, None, None, datetime(2026, 1, 1, tzinfo=UTC))  # noqa: FBT003


class Slow:
    """Answers when it is let go, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.server = "primary"
        self.lists = 1

    def server_key(self) -> tuple[str, str]:
        return self.server, "started"

    async def count(self, _index: Index) -> int:
        return self.lists

    async def resolve(self, _index: Index, keys: Sequence[UUID]) -> ReadableSets:
        self.calls += 1
        number = self.calls
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return ReadableSets(bytes([len(keys)]), number)


class Catalog:
    def __init__(self) -> None:
        self.confirmed = 0

    async def confirm(self, _index: Index) -> None:
        self.confirmed += 1


def resolver(slow: Slow, catalog: Catalog | None = None) -> AccessResolver:
    return AccessResolver(cast("AccessRepository", slow), cast("IndexCatalog", catalog or Catalog()))


def asking(*entries: str) -> PermittedFilters:
    return OPERATOR.permit(Filters(access_control_list=entries))


async def test_searches_that_come_at_once_resolve_their_list_once() -> None:
    slow = Slow()
    access = resolver(slow)
    tasks = [asyncio.create_task(access.resolve(INDEX, asking("a", "b"))) for _ in range(8)]
    other = asyncio.create_task(access.resolve(INDEX, asking("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    slow.go.set()
    assert {values["acl_bitmap"] for values in await asyncio.gather(*tasks)} == {b"\x02"}
    assert (await other)["acl_bitmap"] == b"\x01"
    assert slow.calls == 2
    await access.resolve(INDEX, asking("a", "b"))
    assert slow.calls == 2


async def test_what_one_server_said_is_not_used_on_another() -> None:
    slow = Slow()
    access = resolver(slow)
    slow.go.set()
    counts = []
    for slow.server in ("primary", "standby", "primary", "standby"):
        counts.append((await access.resolve(INDEX, asking("a")))["acl_count"])
    assert counts == [1, 2, 1, 2]


async def test_the_one_that_resolves_may_be_cancelled() -> None:
    slow = Slow()
    access = resolver(slow)
    first = asyncio.create_task(access.resolve(INDEX, asking("a")))
    second = asyncio.create_task(access.resolve(INDEX, asking("a")))
    await asyncio.sleep(0)
    first.cancel()
    slow.go.set()
    assert (await second)["acl_count"] == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_error_reaches_everybody_and_is_not_remembered() -> None:
    slow = Slow()
    slow.error = RuntimeError("away")
    access = resolver(slow)
    tasks = [asyncio.create_task(access.resolve(INDEX, asking("a"))) for _ in range(2)]
    slow.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    slow.error = None
    assert (await access.resolve(INDEX, asking("a")))["acl_count"] == 2


async def test_what_is_resolved_anew_does_not_wait_for_what_began_before() -> None:
    slow = Slow()
    access = resolver(slow)
    before = asyncio.create_task(access.resolve(INDEX, asking("a")))
    await asyncio.sleep(0)
    anew = asyncio.create_task(access.resolve(INDEX, asking("a"), anew=True))
    await asyncio.sleep(0)
    slow.go.set()
    assert ((await before)["acl_count"], (await anew)["acl_count"]) == (1, 2)
    assert (await access.resolve(INDEX, asking("a")))["acl_count"] == 2


async def test_it_is_asked_again_until_no_list_came_up_meanwhile() -> None:
    slow = Slow()
    slow.go.set()
    lists = iter((7, 8, 9, 4))  # those of the index as each statement sees them; the fourth bitmap knows four
    asked = []

    async def ask(values: Mapping[str, object]) -> tuple[str, list[dict[str, int]]]:
        asked.append(values["acl_count"])
        return f"answer {len(asked)}", [{"acl_count": next(lists)}]

    answer, _ = await resolver(slow).answered(INDEX, asking("a"), ask)
    assert (answer, asked) == ("answer 4", [1, 2, 3, 4])


async def test_it_is_asked_a_few_times_only_and_then_with_the_newest_lists() -> None:
    slow = Slow()
    slow.go.set()
    asked = []

    async def ask(values: Mapping[str, object]) -> tuple[int, list[dict[str, int]]]:
        asked.append(values["acl_count"])
        return len(asked), [{"acl_count": 1000 + len(asked)}]

    answer, _ = await resolver(slow).answered(INDEX, asking("a"), ask)
    assert (answer, asked) == (5, [1, 2, 3, 4, 5])


async def nothing(_values: Mapping[str, object]) -> tuple[str, list[dict[str, int]]]:
    return "nothing", []


async def test_an_index_whose_lists_are_there_after_an_empty_answer_is_not_looked_up() -> None:
    slow, catalog = Slow(), Catalog()
    slow.go.set()
    assert await resolver(slow, catalog).answered(INDEX, asking("a"), nothing) == ("nothing", [])
    assert catalog.confirmed == 0


async def test_an_index_without_lists_may_be_gone_when_nothing_is_found() -> None:
    slow, catalog = Slow(), Catalog()
    slow.go.set()
    slow.lists = 0
    await resolver(slow, catalog).answered(INDEX, asking("a"), nothing)
    assert catalog.confirmed == 1
    await resolver(slow, catalog).answered(INDEX, OPERATOR.permit(Filters()), nothing)
    assert catalog.confirmed == 2


async def test_an_answer_with_rows_proves_that_the_index_is_there() -> None:
    slow, catalog = Slow(), Catalog()
    slow.go.set()

    async def ask(values: Mapping[str, object]) -> tuple[str, list[dict[str, object]]]:
        return "found", [{"acl_count": values["acl_count"] or 0}]

    for filters in (asking("a"), OPERATOR.permit(Filters())):
        answer, _ = await resolver(slow, catalog).answered(INDEX, filters, ask)
        assert answer == "found"
    assert catalog.confirmed == 0
