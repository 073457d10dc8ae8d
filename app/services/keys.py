"""The keys that are known: those of the settings, and those in the database, a second old at most."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from app.domain.callers import Grant
from app.domain.credentials import Key
from app.storage.keys import KeyRepository

_SOFT_SECONDS = 0.4
"""Age from which on keys are read anew, beside the request that noticed."""

_HARD_SECONDS = 0.8
"""Age from which on a request waits for that: a key that was revoked is refused within a second."""


@dataclass(frozen=True, slots=True)
class _Stored:
    by_digest: Mapping[bytes, Key] = field(default_factory=dict)
    live: frozenset[str] = frozenset()
    has_any: bool = False


class KeyRing:
    """Finds keys by their digests: nothing secret is compared, and nothing is learnt from how long it takes.

    Parameters
    ----------
    configured
        Keys of the settings: they need no database, and change with a restart.
    keys
        Where the others are kept.
    clock
        Seconds that only go up.
    """

    def __init__(
        self, configured: Sequence[Key], keys: KeyRepository, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._configured = {key.digest: key for key in configured}
        self._configured_ids = frozenset(key.grant.key_id for key in configured)
        self._keys = keys
        self._clock = clock
        self._stored = _Stored()
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    @property
    def has_configured(self) -> bool:
        """Whether the settings have a key."""
        return bool(self._configured)

    async def find(self, digest: bytes) -> Grant | None:
        """Return what a key allows, or None where it is not known, expired or revoked.

        Raises
        ------
        DependencyError
            It is none of the settings', and the database that might know it does not answer.
        """
        now = datetime.now(UTC)
        key = self._configured.get(digest) or (await self._current()).by_digest.get(digest)
        return key.grant if key is not None and key.is_of(digest, now) else None

    async def is_live(self, key_id: str) -> bool:
        """Whether a key still counts."""
        return key_id in self._configured_ids or key_id in (await self._current()).live

    async def has_any(self) -> bool:
        """Whether keys are wanted at all: there is one, or was one before it was revoked."""
        return self.has_configured or (await self._current()).has_any

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _current(self) -> _Stored:
        age = self._clock() - self._read_at
        if age >= _SOFT_SECONDS:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
                self._reading.add_done_callback(self._end_reading)
            if age >= _HARD_SECONDS:
                await asyncio.shield(self._reading)  # a request that is cancelled leaves it to the others
        return self._stored

    async def _read(self) -> None:
        began = self._clock()
        stored = await self._keys.list_all()
        live = [each.key for each in stored if each.revoked_at is None]
        now = datetime.now(UTC)
        ids = (key.grant.key_id for key in live if key.expires_at is None or now < key.expires_at)
        self._stored = _Stored(
            {key.digest: key for key in live}, frozenset(each for each in ids if each is not None), bool(stored)
        )
        self._read_at = began

    def _end_reading(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        if not task.cancelled():
            task.exception()  # those who wait have it; if nobody does, the next request tries again
