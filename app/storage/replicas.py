"""Servers that searches may go to: standbys that are not too far behind, watched all the time.

Which one a request reads from is settled once, for all its statements: access lists are resolved and searched
on the same server, so that neither knows what the other does not.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from time import monotonic

import asyncpg
import structlog

from app.domain.replication import PrimaryTrack, ServerPosition
from app.observability import metrics
from app.storage.connections import Pool
from app.storage.errors import translated_errors
from app.storage.hosts import primary_of, split_hosts
from app.storage.statements import statement

log = structlog.get_logger()

_INTERVAL = 0.5
_PATIENCE = 1.0
"""Seconds a server may take to say where it is."""
_WATCHED = 5.0
"""Seconds for which what a server said holds."""
_LOOK_AGAIN = 0.02

Connect = Callable[[], Awaitable[asyncpg.Connection]]


@dataclass(frozen=True, slots=True)
class ReplicaOptions:
    """The servers of searches, and how far behind one may be, in seconds; ``wait`` is for read-your-writes."""

    dsn: str
    max_lag: float = 10.0
    wait: float = 0.25


class Watched:
    """A server and a connection of its own for asking where it is."""

    def __init__(self, name: str, connect: Connect) -> None:
        self.name = name
        self._connect = connect
        self._connection: asyncpg.Connection | None = None

    async def position(self) -> ServerPosition | None:
        """Ask; None if there is no answer in time."""
        try:
            async with asyncio.timeout(_PATIENCE):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                row = await self._connection.fetchrow(statement("replication/get_server_position").text())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.debug("server_silent", server=self.name, error=repr(error))
            self.disconnect()
            return None
        return None if row is None or row["position"] is None else ServerPosition(**dict(row))

    def disconnect(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class Replica(Watched):
    """One of the servers of searches."""

    def __init__(self, name: str, connect: Connect, pool: Pool) -> None:
        super().__init__(name, connect)
        self.pool = pool
        self.found: ServerPosition | None = None
        self.lag = 0.0
        self.reading = 0
        """Requests that are reading from it."""
        self._objection: str | None = "not asked yet"
        self._asked = 0.0

    def judge(self, found: ServerPosition | None, primary: PrimaryTrack, max_lag: float) -> None:
        """Settle whether searches may go to it."""
        self.found, self._asked = found, monotonic()
        objection: str | None = "unreachable"
        if found is not None:
            self.lag = primary.lag(found.position, self._asked)
            objection = primary.objection(found) or ("too far behind" if self.lag > max_lag else None)
        self._object(objection)

    def fail(self) -> None:
        """Note that a search met an error there: it is left alone until it is asked again."""
        self._object("a search failed")

    def is_usable(self) -> bool:
        """Whether searches may go to it now."""
        return self._objection is None and monotonic() - self._asked < _WATCHED

    def _object(self, objection: str | None) -> None:
        if objection != self._objection:
            log.info("replica", server=self.name, state=objection or "in use", lag=round(self.lag, 3))
        self._objection = objection
        metrics.REPLICA_LAG.labels(self.name).set(self.lag)
        metrics.REPLICA_USABLE.labels(self.name).set(objection is None)


_reading_from: ContextVar[Replica | None] = ContextVar("reading_from", default=None)


def reading_from() -> Replica | None:
    """Return the replica that this request reads from; None is the primary."""
    return _reading_from.get()


class ReplicaSet:
    """Watches the servers and chooses among them."""

    def __init__(self, primary: Watched, replicas: Sequence[Replica], options: ReplicaOptions) -> None:
        self._watched_primary = primary
        self._replicas = tuple(replicas)
        self._options = options
        self.primary = PrimaryTrack()
        self.primary_answers = True
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("replicas_not_watched")
            await asyncio.sleep(_INTERVAL)

    async def look(self) -> None:
        """Ask every server where it is."""
        async with self._looking:
            at = monotonic()
            found, *others = await asyncio.gather(
                self._watched_primary.position(), *(replica.position() for replica in self._replicas)
            )
        self.primary_answers = found is not None and not found.in_recovery
        if found is not None and self.primary_answers:
            self.primary.note(found, at)
        for replica, position in zip(self._replicas, others, strict=True):
            replica.judge(position, self.primary, self._options.max_lag)

    async def choose(self, after: int | None = None) -> Replica | None:
        """Choose the least busy server of those that may be asked; None is the primary.

        Parameters
        ----------
        after
            A place in the log that must have been replayed. It is waited for a little.
        """
        usable = [replica for replica in self._replicas if replica.is_usable()]
        if after is not None:
            usable = await self._those_past(usable, after)
        random.shuffle(usable)  # of those that are equally busy, any
        return min(usable, key=lambda replica: replica.reading, default=None)

    @contextmanager
    def reading(self, replica: Replica | None) -> Iterator[None]:
        """Read from a server for as long as this lasts."""
        token = _reading_from.set(replica)
        metrics.REPLICA_READS.labels("primary" if replica is None else replica.name).inc()
        if replica is not None:
            replica.reading += 1
        try:
            yield
        finally:
            _reading_from.reset(token)
            if replica is not None:
                replica.reading -= 1

    async def close(self) -> None:
        """Disconnect."""
        for server in (self._watched_primary, *self._replicas):
            server.disconnect()
        for replica in self._replicas:
            with suppress(Exception), translated_errors():
                replica.pool.terminate()

    async def _those_past(self, replicas: list[Replica], after: int) -> list[Replica]:
        until = monotonic() + self._options.wait
        while replicas:
            past = [replica for replica in replicas if replica.found is not None and replica.found.position >= after]
            if past or monotonic() > until:
                return past
            await asyncio.sleep(_LOOK_AGAIN)
            await self.look()
            replicas = [replica for replica in replicas if replica.is_usable()]
        return []


async def open_replicas(
    dsn: str, options: ReplicaOptions, create_pool: Callable[[str, str], Awaitable[Pool]]
) -> ReplicaSet:
    """Make a pool for each server of searches, and ask all of them where they are."""

    def connecting(where: str) -> Connect:
        settings = {"application_name": "onyx-vector-search-watch"}
        return partial(asyncpg.connect, where, server_settings=settings, **primary_of(where))

    servers = split_hosts(options.dsn)
    replicas = [Replica(name, connecting(where), await create_pool(name, where)) for name, where in servers]
    found = ReplicaSet(Watched("primary", connecting(dsn)), replicas, options)
    await found.look()
    return found
