"""Pools of connections, and sessions on them that run statements and are timed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from time import perf_counter
from typing import Self, TypeVar

import asyncpg
import structlog

from app.domain.errors import DatabaseReadOnlyError
from app.domain.indexes import Index
from app.observability import metrics
from app.observability.phases import count_phase
from app.observability.tracing import statement_span
from app.storage.connections import Pool
from app.storage.copying import copy_stream
from app.storage.deadlines import milliseconds_left
from app.storage.errors import translated_errors
from app.storage.hosts import primary_of
from app.storage.pools import PoolOptions, Role, create_pool, prepare
from app.storage.replicas import ReplicaSet, open_replicas, reading_from
from app.storage.slow_queries import SlowQueryLog
from app.storage.statements import Statement, on_citus, statement
from app.storage.written import note_position

log = structlog.get_logger()

T = TypeVar("T")


class Session:
    """A connection for the time of one piece of work."""

    def __init__(self, connection: asyncpg.Connection, slow: SlowQueryLog, *, on_citus: bool = False) -> None:
        self._connection = connection
        self._slow = slow
        self._on_citus = on_citus

    async def fetch(self, which: Statement, index: Index | None = None, **values: object) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        text, bound = self._text(which, index), which.bind(values)
        return await self._observed(which, text, bound, self._connection.fetch(text, *bound))

    async def fetch_row(self, which: Statement, index: Index | None = None, **values: object) -> asyncpg.Record | None:
        """Run a statement and return its first row, if there is one."""
        rows = await self.fetch(which, index, **values)
        return rows[0] if rows else None

    async def fetch_each(
        self, which: Statement, index: Index, rows: Sequence[dict[str, object]]
    ) -> list[asyncpg.Record]:
        """Run a statement once for each row of values, in order, in one round trip."""
        if not rows:
            return []
        text, bound = self._text(which, index), [which.bind(row) for row in rows]
        return await self._observed(which, text, bound[0], self._connection.fetchmany(text, bound))

    async def execute(self, which: Statement, index: Index | None = None, **values: object) -> None:
        """Run a statement for its effect."""
        text, bound = self._text(which, index), which.bind(values)
        await self._observed(which, text, bound, self._connection.execute(text, *bound))

    async def build(self, which: Statement, index: Index, **literals: int) -> None:
        """Run a statement about an index's tables that takes as long as it takes, outside a transaction."""
        text = self._text(which, index, **literals)
        with translated_errors():
            await self._connection.execute(text)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        """Add rows by binary COPY, written as `copying` has them."""
        started = perf_counter()
        with translated_errors():
            await self._connection.copy_to_table(
                table, source=copy_stream(rows), columns=list(columns), format="binary"
            )
        count_phase(f"copy/{table}", perf_counter() - started)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Self]:
        """Statements that all see the database as the first one does."""
        with translated_errors():
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                await self._heed_deadline()
                yield self

    @asynccontextmanager
    async def planned_anew(self) -> AsyncIterator[Self]:
        """Statements planned for their values: where the filter decides which rows are read at all (ADR 0005)."""
        if self._connection.is_in_transaction():
            await self._plan_mode("force_custom_plan")
            yield self
            await self._plan_mode("force_generic_plan")  # not after an error, which ends the transaction anyway
            return
        with translated_errors():
            async with self._connection.transaction(readonly=True):
                await self._heed_deadline()
                await self._plan_mode("force_custom_plan")
                yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Self]:
        """All of it or none of it; durable when it ends."""
        with translated_errors():
            async with self._connection.transaction():
                yield self

    def _text(self, which: Statement, index: Index | None, **literals: int) -> str:
        if index is not None:
            literals |= {"index_id": index.index_id, "dimension": index.embedding_dimension}
        return (on_citus(which) if self._on_citus else which).text(**literals)

    async def _heed_deadline(self) -> None:
        if (left := milliseconds_left()) is not None:
            await self.execute(statement("search/limit_statements"), milliseconds=str(left))

    async def _plan_mode(self, mode: str) -> None:
        if self._on_citus:  # plans for values always
            return
        await self.fetch(statement("operations/set_plan_mode"), plan_mode=mode)

    async def _observed(self, which: Statement, text: str, bound: Sequence[object], work: Awaitable[T]) -> T:
        """Run a statement: translate its errors, count its time, trace it, and log it if it was slow."""
        started = perf_counter()
        failed = True
        try:
            with translated_errors(), statement_span(which.name):
                result = await work
            failed = False
        finally:
            seconds = perf_counter() - started
            count_phase(which.name, seconds)
            metrics.labelled(metrics.STATEMENT_SECONDS, which.name).observe(seconds)
            if self._slow.is_slow(seconds):
                self._slow.report(which, bound, seconds, failed=failed)
        if self._slow.is_slow(seconds):
            await self._slow.report_plan(self._connection, which, text)
        return result


class Database:
    """The pools: one that only reads and plans for search, one that writes, one for probes."""

    def __init__(self, dsn: str, options: PoolOptions | None = None) -> None:
        self._dsn = dsn
        self._options = options or PoolOptions()
        self._pools: dict[Role, Pool] = {}
        self._slow = SlowQueryLog(self._options.slow_queries)
        self._started: dict[str, str] = {}
        self._on_citus = False
        self.replicas: ReplicaSet | None = None

    async def open(self) -> None:
        """Connect. A database that is not there yet is no error: the pools connect when it is."""
        for role in ("search", "write", "probe"):
            self._pools[role] = await self._create_pool("", self._dsn, role)
        if self._options.replicas is not None:
            self.replicas = await open_replicas(
                self._dsn, self._options.replicas, lambda name, dsn: self._create_pool(name, dsn, "search")
            )

    async def _create_pool(self, server: str, dsn: str, role: Role) -> Pool:
        # Probes need no types of pgvector, which may be missing.
        return await create_pool(dsn, role, self._options, None if role == "probe" else partial(self._greet, server))

    async def _greet(self, server: str, connection: asyncpg.Connection) -> None:
        """Teach a new connection its types, and note which server it leads to."""
        self._on_citus = await prepare(connection)
        row = await connection.fetchrow(statement("replication/get_server_position").text())
        self._started[server] = f"{row['system_identifier']} {row['started']}"

    def server_key(self) -> tuple[str, str]:
        """Name the server that this request reads from.

        What is remembered of access lists belongs to it: another one, or one that was restarted, may count lists
        differently, such as after a failover that lost the last of them.
        """
        replica = reading_from()
        name = "" if replica is None else replica.name
        return name, self._started.get(name, "")

    async def connect_all(self) -> int:
        """Open every connection the pools may have; return how many of them are for searching."""

        async def fill(role: Role, size: int) -> None:
            async with AsyncExitStack() as held:
                for _ in range(size):
                    await held.enter_async_context(self.session(role))

        await asyncio.gather(*(fill(role, pool.size) for role, pool in self._pools.items()))
        return self._options.search_connections

    async def close(self) -> None:
        """Let running work end, then disconnect."""
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
        if self.replicas is not None:
            await self.replicas.close()

    @asynccontextmanager
    async def session(self, role: Role, *, latest: bool = False) -> AsyncIterator[Session]:
        """A session on a connection of its own.

        Parameters
        ----------
        role
            A search reads from the server that was chosen for its request.
        latest
            Read from the primary, unless it does not answer.

        Raises
        ------
        OverloadedError
            No connection came free in time.
        DatabaseUnavailableError
            PostgreSQL cannot be reached.
        """
        pool = self._pool(role, latest=latest)
        started = perf_counter()
        try:
            with translated_errors():
                connection = await pool.acquire()
        finally:
            metrics.labelled(metrics.POOL_WAIT, role).observe(perf_counter() - started)
        failed = True
        try:
            with metrics.labelled(metrics.POOL_IN_USE, role).track_inprogress():
                yield Session(connection, self._slow, on_citus=self._on_citus)
            failed = False
        except DatabaseReadOnlyError:
            # Whether writes are taken by default is settled at connect: only new connections see it change.
            await pool.expire()
            raise
        finally:
            await pool.release(connection, failed=failed)

    @asynccontextmanager
    async def transaction(self, *, single: bool = False) -> AsyncIterator[Session]:
        """A session for writing, in a transaction; a single statement is one by itself."""
        async with self.session("write") as session:
            async with nullcontext() if single else session.transaction():
                yield session
            if self.replicas is not None:
                await note_position(session)

    @asynccontextmanager
    async def dedicated_session(self) -> AsyncIterator[Session]:
        """A session on a connection outside the pools, without a statement limit: for the maintainer."""
        with translated_errors():
            connection = await asyncpg.connect(
                self._dsn,
                timeout=10,
                server_settings={"application_name": "onyx-vector-search-maintenance", "jit": "off"},
                **primary_of(self._dsn),
            )
        try:
            with translated_errors():
                self._on_citus = await prepare(connection)
            yield Session(connection, self._slow, on_citus=self._on_citus)
        finally:
            connection.terminate()

    async def renew(self, role: Role) -> None:
        """Let the next sessions of a pool connect anew."""
        await self._pools[role].expire()

    def _pool(self, role: Role, *, latest: bool) -> Pool:
        replica = reading_from() if role == "search" else None
        if replica is None or (latest and self.replicas is not None and self.replicas.primary_answers):
            return self._pools[role]
        return replica.pool
