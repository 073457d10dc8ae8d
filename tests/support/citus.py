"""A Citus cluster that somebody else runs: databases on all of its nodes."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.storage import connected

_WORKERS = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeid"
_STOP_ITS_SESSIONS = """
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.datname = $1 AND a.pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class CitusCluster:
    """The coordinator by its DSN, and a folder for locks between test processes.

    The workers are reached by the addresses the coordinator has for them, with the login of the DSN.
    """

    coordinator: str
    data_dir: Path

    def dsn(self, database: str | None = None) -> str:
        """Name a database of the coordinator."""
        return self.coordinator if database is None else on_node(self.coordinator, database=database)

    async def run(self, statement: str) -> None:
        """Run a statement on every node, the databases themselves left aside."""
        await asyncio.gather(*(_run(on_node(node, database="postgres"), statement) for node in await self.nodes()))

    async def nodes(self) -> list[str]:
        """Return the coordinator first, then the workers."""
        async with connected(self.coordinator) as connection:
            rows = await connection.fetch(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeid"
            )
        return [self.coordinator, *(on_node(self.coordinator, f"{row[0]}:{row[1]}") for row in rows)]

    async def equip(self, database: str, workers: int | None = None) -> None:
        """Make a new database one of Citus, on some of the workers."""
        coordinator, *others = nodes = [on_node(node, database=database) for node in await self.nodes()]
        await asyncio.gather(*(_run(node, "CREATE EXTENSION citus") for node in nodes))
        parts = urlsplit(coordinator)
        async with connected(coordinator) as connection:
            await connection.execute("SELECT citus_set_coordinator_host($1, $2)", parts.hostname, parts.port or 5432)
        for place in range(len(others) if workers is None else workers):
            await self.add_worker(database, place)

    async def add_worker(self, database: str, place: int) -> None:
        """Add one of the workers to a database that has been equipped without it."""
        worker = urlsplit((await self.nodes())[1 + place])
        async with connected(self.dsn(database)) as connection:
            await connection.execute("SELECT citus_add_node($1, $2)", worker.hostname, worker.port or 5432)

    async def close(self, database: str) -> None:
        """Let nobody into a database, so that it can be copied."""
        await self.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        for node in await self.nodes():
            async with connected(on_node(node, database="postgres")) as connection:
                await connection.execute(_STOP_ITS_SESSIONS, database)


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for left in reversed(range(10)):
            try:
                await connection.execute(statement)
            except asyncpg.ObjectInUseError:  # dropping by force misses what Citus itself is just about to open
                if not left:
                    raise
            else:
                return
    finally:
        await connection.close()


def on_node(dsn: str, address: str | None = None, *, database: str | None = None) -> str:
    """Name another node, another database, or both."""
    parts = urlsplit(dsn)
    login, _, own = parts.netloc.rpartition("@")
    netloc = f"{login}@{address or own}" if login else address or own
    path = parts.path if database is None else f"/{database}"
    return urlunsplit(parts._replace(netloc=netloc, path=path))
