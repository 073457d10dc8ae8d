"""Pools of connections, and sessions on them that run statements and are timed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, Self

import asyncpg
import structlog

from app.domain.errors import DatabaseReadOnlyError, OverloadedError
from app.domain.indexes import Index
from app.observability import metrics
from app.observability.phases import count_phase
from app.observability.tracing import statement_span
from app.storage.codecs import register_codecs
from app.storage.copying import copy_stream
from app.storage.deadlines import milliseconds_left
from app.storage.errors import translated_errors
from app.storage.slow_queries import SlowQueryLog, SlowQueryOptions
from app.storage.statements import Statement, statement

log = structlog.get_logger()

Role = Literal["search", "write", "probe"]

SEARCH_OPTIONS = {
    # asyncpg resets SETs when a connection goes back: only these survive (ADR 0005).
    "plan_cache_mode": "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "max_parallel_workers_per_gather": "0",
    "default_transaction_read_only": "on",
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": "40000",
    "hnsw.scan_mem_multiplier": "8",
    "jit": "off",
    # A bound only: the keys that pass a filter are hashed in memory, or one by one looked up in a list.
    "work_mem": "64MB",
}
WRITE_OPTIONS = {"jit": "off", "synchronous_commit": "on", "plan_cache_mode": "force_generic_plan"}


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Bounds of the pools; times in seconds."""

    search_connections: int = 8
    write_connections: int = 4
    acquire_timeout: float = 5.0
    statement_timeout: float = 30.0
    ef_search: int = 100
    slow_queries: SlowQueryOptions = field(default_factory=SlowQueryOptions)


class Session:
    """A connection for the time of one piece of work."""

    def __init__(self, connection: asyncpg.Connection, slow: SlowQueryLog) -> None:
        self._connection = connection
        self._slow = slow

    async def fetch(self, which: Statement, index: Index | None = None, **values: object) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        text, bound = _text(which, index), which.bind(values)
        async with self._observed(which, text, bound):
            rows: list[asyncpg.Record] = await self._connection.fetch(text, *bound)
        return rows

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
        text, bound = _text(which, index), [which.bind(row) for row in rows]
        async with self._observed(which, text, bound[0]):
            found: list[asyncpg.Record] = await self._connection.fetchmany(text, bound)
        return found

    async def execute(self, which: Statement, index: Index | None = None, **values: object) -> None:
        """Run a statement for its effect."""
        text, bound = _text(which, index), which.bind(values)
        async with self._observed(which, text, bound):
            await self._connection.execute(text, *bound)

    async def build(self, which: Statement, index: Index, **literals: int) -> None:
        """Run a statement about an index's tables that takes as long as it takes, outside a transaction."""
        text = which.text(index_id=index.index_id, dimension=index.embedding_dimension, **literals)
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

    async def _heed_deadline(self) -> None:
        if (left := milliseconds_left()) is not None:
            await self.execute(statement("search/limit_statements"), milliseconds=str(left))

    async def _plan_mode(self, mode: str) -> None:
        await self.fetch(statement("operations/set_plan_mode"), plan_mode=mode)

    @asynccontextmanager
    async def _observed(self, which: Statement, text: str, bound: Sequence[object]) -> AsyncIterator[None]:
        """Translate the errors of one statement, count its time, trace it, and log it if it was slow."""
        started = perf_counter()
        failed = True
        try:
            with translated_errors(), statement_span(which.name):
                yield
            failed = False
        finally:
            seconds = perf_counter() - started
            count_phase(which.name, seconds)
            metrics.STATEMENT_SECONDS.labels(which.name).observe(seconds)
            if self._slow.is_slow(seconds):
                self._slow.report(which, bound, seconds, failed=failed)
        if self._slow.is_slow(seconds):
            await self._slow.report_plan(self._connection, which, text)


class Database:
    """The pools: one that only reads and plans for search, one that writes, one for probes."""

    def __init__(self, dsn: str, options: PoolOptions | None = None) -> None:
        self._dsn = dsn
        self._options = options or PoolOptions()
        self._pools: dict[Role, asyncpg.Pool] = {}
        self._slow = SlowQueryLog(self._options.slow_queries)

    async def open(self) -> None:
        """Connect. A database that is not there yet is no error: the pools connect when it is."""
        sizes: dict[Role, tuple[int, dict[str, str]]] = {
            "search": (self._options.search_connections, SEARCH_OPTIONS),
            "write": (self._options.write_connections, WRITE_OPTIONS),
            # Readiness has its own, so that a busy service stays ready.
            "probe": (1, WRITE_OPTIONS),
        }
        for role, (size, options) in sizes.items():
            with translated_errors():
                self._pools[role] = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=size,
                    max_inactive_connection_lifetime=0,
                    init=None if role == "probe" else register_codecs,
                    reset=_leave_clean,
                    statement_cache_size=1024,
                    max_cached_statement_lifetime=0,
                    max_cacheable_statement_size=64 * 1024,
                    command_timeout=self._options.statement_timeout + 5,
                    timeout=10,
                    server_settings=self._server_settings(role, options),
                )

    async def close(self) -> None:
        """Let running work end, then disconnect."""
        for pool in self._pools.values():
            try:
                async with asyncio.timeout(10):
                    await pool.close()
            except TimeoutError:
                pool.terminate()
        self._pools.clear()

    @asynccontextmanager
    async def session(self, role: Role) -> AsyncIterator[Session]:
        """A session on a connection of its own.

        Raises
        ------
        OverloadedError
            No connection came free in time.
        DatabaseUnavailableError
            PostgreSQL cannot be reached.
        """
        pool = self._pools[role]
        started = perf_counter()
        try:
            with translated_errors():
                connection = await self._acquire(pool)
        finally:
            metrics.POOL_WAIT.labels(role).observe(perf_counter() - started)
        try:
            with metrics.POOL_IN_USE.labels(role).track_inprogress():
                yield Session(connection, self._slow)
        except DatabaseReadOnlyError:
            # Whether writes are taken by default is settled at connect: only new connections see it change.
            await pool.expire_connections()
            raise
        finally:
            await _release(pool, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session for writing, in a transaction."""
        async with self.session("write") as session, session.transaction():
            yield session

    @asynccontextmanager
    async def dedicated_session(self) -> AsyncIterator[Session]:
        """A session on a connection outside the pools, without a statement limit: for the maintainer."""
        with translated_errors():
            connection = await asyncpg.connect(
                self._dsn,
                timeout=10,
                server_settings={"application_name": "onyx-vector-search-maintenance", "jit": "off"},
            )
        try:
            with translated_errors():
                await register_codecs(connection)
            yield Session(connection, self._slow)
        finally:
            connection.terminate()

    async def renew(self, role: Role) -> None:
        """Let the next sessions of a pool connect anew."""
        await self._pools[role].expire_connections()

    async def _acquire(self, pool: asyncpg.Pool) -> asyncpg.Connection:
        try:
            return await pool.acquire(timeout=self._options.acquire_timeout)
        except TimeoutError:
            if pool.get_size() >= pool.get_max_size() and not pool.get_idle_size():
                raise OverloadedError("Every database connection is busy; try again.") from None
            raise

    def _server_settings(self, role: Role, options: dict[str, str]) -> dict[str, str]:
        return options | {
            "application_name": f"onyx-vector-search-{role}",
            "statement_timeout": str(round(self._options.statement_timeout * 1000)),
            "hnsw.ef_search": str(self._options.ef_search),
        }


async def _release(pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
    """Give a connection back. One that broke is replaced: the work on it has ended well, or has said why not."""
    try:
        await pool.release(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        log.warning("connection_lost", error=type(error).__name__)


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Spare the round trip of RESET ALL: sessions change nothing that outlives a transaction."""
    if connection.is_in_transaction():
        await connection.reset()


def _text(which: Statement, index: Index | None) -> str:
    if index is None:
        return which.text()
    return which.text(index_id=index.index_id, dimension=index.embedding_dimension)
