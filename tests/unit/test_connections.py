"""Connections are kept at hand between uses, and go through asyncpg's pool when that has something to do with them."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.domain.errors import OverloadedError
from app.storage import connections
from app.storage.connections import Pool
from tests.support.waiting import eventually


class FakeConnection:
    """A connection that can break."""

    def __init__(self) -> None:
        self.closed = False
        self.in_transaction = False
        self.taken_back = False

    def is_closed(self) -> bool:
        if self.taken_back:
            raise asyncpg.InterfaceError("connection has been released back to the pool")
        return self.closed

    def is_in_transaction(self) -> bool:
        return self.in_transaction


class FakePool:
    """What is used of asyncpg's pool; it remembers what came back."""

    def __init__(self, size: int) -> None:
        self._free: asyncio.Queue[None] = asyncio.Queue()
        self._size = size
        for _ in range(size):
            self._free.put_nowait(None)
        self.released: list[Any] = []
        self.waiting = 0
        self.expired = 0

    def get_max_size(self) -> int:
        return self._size

    def get_size(self) -> int:
        return self._size

    def get_idle_size(self) -> int:
        return self._free.qsize()

    async def acquire(self, *, timeout: float) -> FakeConnection:  # noqa: ASYNC109  as asyncpg has it
        self.waiting += 1
        try:
            await asyncio.wait_for(self._free.get(), timeout)
        finally:
            self.waiting -= 1
        return FakeConnection()

    async def release(self, connection: FakeConnection) -> None:
        self.released.append(connection)
        self._free.put_nowait(None)
        if connection.closed:
            raise asyncpg.ConnectionDoesNotExistError("gone")

    async def expire_connections(self) -> None:
        self.expired += 1

    async def close(self) -> None:
        for _ in range(self._size):
            await self._free.get()


def pool_of(size: int = 1, patience: float = 30.0) -> tuple[Pool, FakePool]:
    inner = FakePool(size)
    return Pool(inner, patience), inner


async def test_a_connection_that_was_used_well_is_used_again() -> None:
    pool, inner = pool_of(2)
    first = await pool.acquire()
    await pool.release(first, failed=False)
    assert await pool.acquire() is first
    assert await pool.acquire() is not first
    assert inner.released == []


@pytest.mark.parametrize("fault", ["failed", "closed", "taken back", "in a transaction"])
async def test_whatever_went_wrong_is_looked_after_by_the_pool(fault: str) -> None:
    pool, inner = pool_of()
    first: Any = await pool.acquire()
    first.closed = fault == "closed"
    first.taken_back = fault == "taken back"
    first.in_transaction = fault == "in a transaction"
    await pool.release(first, failed=fault == "failed")
    assert inner.released == [first]
    assert await pool.acquire() is not first


@pytest.mark.parametrize("fault", ["closed", "taken back"])
async def test_one_that_breaks_while_it_is_at_hand_is_replaced(fault: str) -> None:
    pool, inner = pool_of()
    first: Any = await pool.acquire()
    await pool.release(first, failed=False)
    first.closed, first.taken_back = fault == "closed", fault == "taken back"
    assert await pool.acquire() is not first
    assert inner.released == [first]


async def test_who_waits_gets_what_comes_back() -> None:
    pool, inner = pool_of()
    first = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())

    async def waits() -> bool:
        return inner.waiting == 1

    await eventually(waits)
    await pool.release(first, failed=False)
    assert await waiting is not first  # through the pool, which hands it to whoever came first
    assert inner.released == [first]


async def test_who_waits_in_vain_is_told_that_all_are_busy() -> None:
    pool, _ = pool_of(patience=0.01)
    await pool.acquire()
    with pytest.raises(OverloadedError):
        await pool.acquire()


async def test_expired_connections_are_not_used_again() -> None:
    pool, inner = pool_of(2)
    in_use, at_hand = await pool.acquire(), await pool.acquire()
    await pool.release(at_hand, failed=False)
    await pool.expire()
    assert (inner.expired, inner.released) == (1, [at_hand])
    await pool.release(in_use, failed=False)
    assert inner.released == [at_hand, in_use]


async def test_the_pool_has_each_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_USES", 3)
    pool, inner = pool_of()
    for _ in range(8):
        await pool.release(await pool.acquire(), failed=False)
    assert len(inner.released) == 2


async def test_closing_waits_for_what_is_in_use() -> None:
    pool, inner = pool_of(2)
    in_use, at_hand = await pool.acquire(), await pool.acquire()
    await pool.release(at_hand, failed=False)
    closing = asyncio.create_task(pool.close())

    async def let_go() -> bool:
        return inner.released == [at_hand]

    await eventually(let_go)
    assert not closing.done()
    await pool.release(in_use, failed=False)
    await closing
    assert inner.released == [at_hand, in_use]
