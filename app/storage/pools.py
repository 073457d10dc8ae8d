"""Pools of connections by what they are for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import asyncpg

from app.storage.codecs import register_codecs
from app.storage.connections import Pool
from app.storage.errors import translated_errors
from app.storage.hosts import primary_of
from app.storage.replicas import ReplicaOptions
from app.storage.slow_queries import SlowQueryOptions
from app.storage.statements import statement

Role = Literal["search", "write", "probe"]
Greeting = Callable[[asyncpg.Connection], Awaitable[None]]

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
    replicas: ReplicaOptions | None = None

    def connections(self, role: Role) -> int:
        """Return the most connections of a pool; readiness has its own, so that a busy service stays ready."""
        return {"search": self.search_connections, "write": self.write_connections, "probe": 1}[role]


async def create_pool(dsn: str, role: Role, options: PoolOptions, greet: Greeting | None) -> Pool:
    """Make a pool; ``greet`` gets every new connection first."""
    settings = SEARCH_OPTIONS if role == "search" else WRITE_OPTIONS
    with translated_errors():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=options.connections(role),
            max_inactive_connection_lifetime=0,
            init=greet,
            reset=partial(_leave_clean, greet),
            statement_cache_size=1024,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=64 * 1024,
            command_timeout=options.statement_timeout + 5,
            timeout=10,
            server_settings=settings
            | {
                "application_name": f"onyx-vector-search-{role}",
                "statement_timeout": str(round(options.statement_timeout * 1000)),
                "hnsw.ef_search": str(options.ef_search),
            },
            **primary_of(dsn),
        )
    return Pool(pool, options.acquire_timeout)


async def prepare(connection: asyncpg.Connection) -> bool:
    """Teach a connection its types and how to plan; return whether Citus spreads the tables, which plans for values."""
    await register_codecs(connection)
    on_citus = bool(await connection.fetchval(statement("operations/is_on_citus").text()))
    if on_citus:
        await connection.execute("SET plan_cache_mode = auto")
    return on_citus


async def _leave_clean(greet: Greeting | None, connection: asyncpg.Connection) -> None:
    """Spare the round trip of RESET ALL: sessions change nothing that outlives a transaction."""
    if connection.is_in_transaction():
        await connection.reset()
        if greet is not None:  # what it set is gone
            await greet(connection)
