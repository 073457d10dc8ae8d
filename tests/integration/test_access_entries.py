"""What a list of entries opens, however many there are and whatever they are called."""

import asyncpg
import numpy as np
import pytest

from app.domain.documents import Access
from app.domain.indexes import Index, IndexSettings
from app.storage import access as resolving
from app.storage.access import AccessRepository
from app.storage.database import Database, Session
from app.storage.statements import Statement
from tests.support.storage import catalog_of

ODD = ["", "it's", '"quoted"', "{braces}", "a,b", "ü 東京", "x" * 5_000, "user_email:a@x.io", "back\\slash"]


async def test_every_entry_opens_its_lists_and_no_other(dsn: str) -> None:
    database = Database(dsn)
    await database.open()
    index, _ = await catalog_of(database).put("public", "x", IndexSettings(8))
    access = AccessRepository(database)
    lists = [Access(public=False, entries=(entry, "shared")) for entry in ODD] + [Access(public=True)]
    ids = await access.intern(index, lists)
    numbers = [ids[each.digest] for each in lists]

    async def opened(entries: list[str]) -> set[int]:
        found = await access.resolve(index, entries)
        assert found.acl_count == len(lists)
        bits = np.unpackbits(np.frombuffer(found.bitmap, np.uint8), bitorder="little")
        return set(np.flatnonzero(bits).tolist())

    public = numbers[-1]
    for entry, number in zip(ODD, numbers[:-1], strict=True):
        assert await opened([entry]) == {public, number}
    assert await opened([]) == await opened(["nobody"]) == {public}
    assert await opened(["shared"]) == await opened(["shared", *ODD, "shared"]) == set(numbers)
    many = [f"group:{number}" for number in range(50_000)]
    assert await opened([*many[:20_000], ODD[3], *many[20_000:]]) == {public, numbers[3]}
    await database.close()


async def test_lists_that_come_up_while_entries_are_resolved_are_left_to_the_next_time(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(dsn)
    await database.open()
    index, _ = await catalog_of(database).put("public", "meanwhile", IndexSettings(8))
    access = AccessRepository(database)
    await access.intern(index, [Access(public=False, entries=("first",)), Access(public=False, entries=("second",))])
    fetch = Session.fetch

    async def fetch_slowly(
        session: Session, which: Statement, about: Index | None = None, **values: object
    ) -> list[asyncpg.Record]:
        rows = await fetch(session, which, about, **values)
        if which.name == "access/resolve_entries":
            monkeypatch.setattr(Session, "fetch", fetch)
            await access.intern(index, [Access(public=False, entries=("second", "third"))])
        return rows

    monkeypatch.setattr(resolving, "_AT_ONCE", 1)
    monkeypatch.setattr(Session, "fetch", fetch_slowly)
    found = await access.resolve(index, ["first", "second", "third"])
    assert (found.acl_count, found.bitmap) == (2, bytes([0b11]))
    found = await access.resolve(index, ["third"])
    assert (found.acl_count, found.bitmap) == (3, bytes([0b100]))
    await database.close()
