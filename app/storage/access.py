"""Interned access lists."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from app.domain.documents import Access
from app.domain.indexes import Index
from app.domain.keys import KEY_BYTES, entry_keys
from app.storage.database import Database, Session
from app.storage.statements import statement

_AT_ONCE = 8_192
"""Entries that are resolved by one statement: PostgreSQL works on them while the keys of the next ones are made."""


@dataclass(frozen=True, slots=True)
class ReadableSets:
    """Which access lists may be read: bit n of bitmap is acl_id n, least significant bit first."""

    bitmap: bytes
    acl_count: int


class AccessRepository:
    """Finds, numbers and resolves access lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def server_key(self) -> tuple[str, str]:
        """Name the server whose lists are resolved."""
        return self._database.server_key()

    async def resolve(self, index: Index, entries: Sequence[str]) -> ReadableSets:
        """Return the lists that one of the entries may read, public ones included.

        As of the first of its statements: what an entry opens of the lists that there were then never changes, and
        lists that later statements see beside them are left out.
        """
        which, found, counts = statement("access/resolve_entries"), list[bytes](), list[int]()
        async with self._database.session("search") as session:
            keys = await _ordered_keys(entries[:_AT_ONCE])
            for end in range(_AT_ONCE, max(1, len(entries)) + _AT_ONCE, _AT_ONCE):
                rows, keys = await asyncio.gather(  # in this order: the first is sent before the second begins
                    session.fetch(which, index, entry_keys=keys, with_public=not found),
                    _ordered_keys(entries[end : end + _AT_ONCE]),
                )
                found.append(rows[0]["acl_ids"])
                counts.append(rows[0]["acl_count"])
        bits = np.zeros(max(counts), dtype=np.uint8)
        bits[np.frombuffer(b"".join(found), ">i4")] = 1
        return ReadableSets(np.packbits(bits[: counts[0]], bitorder="little").tobytes(), counts[0])

    async def count(self, index: Index) -> int:
        """Return how many lists there are now."""
        async with self._database.session("search") as session:
            row = await session.fetch_row(statement("access/count_acl_sets"), index)
        return 0 if row is None else int(row["acl_count"])

    async def intern(self, index: Index, lists: Collection[Access]) -> dict[UUID, int]:
        """Return the acl_id of each list by its digest, numbering new ones.

        New lists are committed at once, ahead of the documents that use them, so that the lock is held
        for as long as an insert takes and not for as long as a batch does.
        """
        wanted = {access.digest: access for access in lists}
        async with self._database.session("write") as session:
            known = await self._find(session, index, list(wanted))
            if missing := [access for digest, access in wanted.items() if digest not in known]:
                async with session.transaction():
                    known |= await self._create(session, index, missing)
        return known

    async def _find(self, session: Session, index: Index, digests: Sequence[UUID]) -> dict[UUID, int]:
        rows = await session.fetch(statement("access/find_acl_sets"), index, digests=digests)
        return {row["digest"]: row["acl_id"] for row in rows}

    async def _create(self, session: Session, index: Index, lists: Sequence[Access]) -> dict[UUID, int]:
        await session.execute(statement("access/lock_acl_sets"), index)
        known = await self._find(session, index, [access.digest for access in lists])
        new = [access for access in lists if access.digest not in known]
        rows = await session.fetch_each(
            statement("access/create_acl_set"),
            index,
            [
                {"digest": access.digest, "public": access.public, "entries": sorted(set(access.entries))}
                for access in new
            ],
        )
        members = [(row["acl_id"], key) for row, access in zip(rows, new, strict=True) for key in access.entry_keys]
        if members:
            acl_ids, entry_keys = zip(*members, strict=True)
            await session.execute(statement("access/create_acl_members"), index, acl_ids=acl_ids, entry_keys=entry_keys)
        return known | {access.digest: row["acl_id"] for row, access in zip(rows, new, strict=True)}


async def _ordered_keys(entries: Sequence[str]) -> bytes:
    """Write the keys of entries one after the other, ordered as the index has them: the look-ups then are a walk."""
    keys = b"".join(entry_keys(entries))
    firsts = np.frombuffer(keys, ">u8")[:: KEY_BYTES // 8].astype(np.uint64)  # the first half nearly always settles it
    return np.frombuffer(keys, f"V{KEY_BYTES}").take(np.argsort(firsts)).tobytes()
