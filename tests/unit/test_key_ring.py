"""Keys: found by their digests, a second old at most, and several at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from app.domain.callers import Grant, Scope
from app.domain.credentials import KEY_PREFIX, Key, digest_of, draw_key
from app.domain.errors import DatabaseUnavailableError
from app.domain.rates import RateLimiter
from app.services.keys import KeyRing
from app.storage.keys import KeyRepository, StoredKey

READER = Grant("reader", frozenset({Scope.READ}))
NOW = datetime.now(UTC)


class Table:
    """Keys that can be changed, taken away and slow."""

    def __init__(self, *stored: StoredKey) -> None:
        self.stored = list(stored)
        self.reads = 0
        self.error: Exception | None = None

    async def list_all(self) -> list[StoredKey]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return list(self.stored)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ring(table: Table, clock: Clock, *configured: Key) -> KeyRing:
    return KeyRing(configured, cast("KeyRepository", table), clock=clock)


def stored(key: Key, *, revoked: bool = False) -> StoredKey:
    return StoredKey(key, NOW, NOW if revoked else None)


def test_a_key_is_long_random_and_kept_by_its_digest() -> None:
    text, key = draw_key(READER)
    other, _ = draw_key(READER)
    assert text.startswith(f"{KEY_PREFIX}{key.grant.key_id}_")
    assert len(text.split("_", 2)[2]) == 43  # 256 bits
    assert text != other
    assert key.digest == digest_of(text)
    assert text.split("_", 2)[2] not in repr(key)


async def test_several_keys_count_until_they_expire_or_are_revoked() -> None:
    (old, old_key), (new, new_key) = draw_key(READER), draw_key(READER)
    gone, gone_key = draw_key(READER)
    late, late_key = draw_key(READER, NOW - timedelta(seconds=1))
    table = Table(stored(old_key), stored(new_key), stored(gone_key, revoked=True), stored(late_key))
    keys = ring(table, Clock(), Key(digest_of("plain"), Grant("settings-1", key_id="settings-1")))
    assert [await keys.find(digest_of(text)) for text in (old, new)] == [old_key.grant, new_key.grant]
    assert [await keys.find(digest_of(text)) for text in (gone, late, "x", "", old[:-1])] == [None] * 5
    assert (await keys.find(digest_of("plain"))) == Grant("settings-1", key_id="settings-1")
    assert [await keys.is_live(str(key.grant.key_id)) for key in (old_key, gone_key, late_key)] == [True, False, False]
    assert await keys.is_live("settings-1")


async def test_a_revoked_key_is_refused_within_a_second_and_reads_are_few() -> None:
    text, key = draw_key(READER)
    table, clock = Table(stored(key)), Clock()
    keys = ring(table, clock)
    assert await keys.find(digest_of(text))
    for _ in range(100):
        assert await keys.find(digest_of(text))
    assert table.reads == 1
    table.stored = [stored(key, revoked=True)]
    clock.now += 1.0
    assert await keys.find(digest_of(text)) is None
    assert table.reads == 2


async def test_keys_are_read_beside_requests_and_once_for_all_that_wait() -> None:
    text, key = draw_key(READER)
    table, clock = Table(stored(key)), Clock()
    keys = ring(table, clock)
    assert all(await asyncio.gather(*[keys.find(digest_of(text)) for _ in range(50)]))
    assert table.reads == 1
    clock.now += 0.5
    assert await keys.find(digest_of(text))  # the old ones still count, and new ones are on their way
    assert table.reads == 1
    await asyncio.sleep(0.01)
    assert table.reads == 2
    await keys.close()


async def test_without_the_database_stored_keys_are_not_known_and_those_of_the_settings_are() -> None:
    text, key = draw_key(READER)
    table, clock = Table(stored(key)), Clock()
    keys = ring(table, clock, Key(digest_of("plain"), READER))
    assert await keys.find(digest_of(text))
    table.error = DatabaseUnavailableError("away")
    clock.now += 10
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError):
            await keys.find(digest_of(text))
    assert await keys.find(digest_of("plain")) == READER
    assert await keys.has_any()
    table.error = None
    assert await keys.find(digest_of(text))


async def test_a_table_that_has_held_keys_does_not_open_the_door() -> None:
    _, key = draw_key(READER)
    assert not await ring(Table(), Clock()).has_any()
    assert await ring(Table(stored(key, revoked=True)), Clock()).has_any()


def test_a_bucket_holds_a_burst_and_is_refilled() -> None:
    clock = Clock()
    limiter = RateLimiter(10.0, 3, clock=clock)
    assert [limiter.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limiter.take("a") == pytest.approx(0.1)
    assert limiter.take("b") == 0.0
    clock.now += 0.05
    assert limiter.take("a") == pytest.approx(0.05)  # having been refused costs nothing
    clock.now += 0.051
    assert limiter.take("a") == 0.0
    clock.now += 1000
    assert [limiter.take("a") > 0 for _ in range(4)] == [False, False, False, True]
    unlimited = RateLimiter(0.0, 1, clock=clock)
    assert not any(unlimited.take("a") for _ in range(1000))
    for name in range(20_000):
        limiter.take(str(name))
    assert len(limiter._buckets) == 10_000
