"""Real PostgreSQL for the tests: the embedded one, a migrated template, a database per test."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import httpx
import pytest
from hypothesis import settings as hypothesis_settings

from app import embedded
from app.main import create_app
from app.settings import Settings
from app.storage import migrations
from tests.support.citus import CitusCluster
from tests.support.log_lines import LogLines

ROOT = Path(__file__).resolve().parents[1]
DIMENSION = 8
Server = embedded.EmbeddedServer | CitusCluster

# An example takes as long as the machine lets it: what is asserted is what comes of it.
hypothesis_settings.register_profile("any machine", deadline=None)
hypothesis_settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-schema", action="store_true", help="Write sql/schema.sql anew.")
    parser.addoption("--kills", type=int, default=4, help="How often an import is killed.")
    parser.addoption("--citus", help="DSN of a database of a Citus coordinator, to run on that.")
    parser.addoption("--decisions", type=int, default=24_000, help="How often who sees what is decided.")
    parser.addoption("--disconnects", type=int, default=200, help="How many clients hang up.")
    parser.addoption("--sigkills", type=int, default=6, help="How often services and PostgreSQL are killed.")


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[Server]:
    """PostgreSQL 18, shared by all workers; the last one stops it. Or the Citus that was named."""
    if citus := pytestconfig.getoption("--citus"):
        (ROOT / ".postgres").mkdir(exist_ok=True)
        yield CitusCluster(citus, ROOT / ".postgres")
        return
    with embedded.start(ROOT / ".postgres" / "18", version=18, durable=False, memory_bytes=4 * 2**30) as server:
        yield server


@pytest.fixture(scope="session")
def postgres16() -> Iterator[embedded.EmbeddedServer]:
    """PostgreSQL 16, the oldest that is supported."""
    with embedded.start(ROOT / ".postgres" / "16", version=16, durable=False, memory_bytes=2 * 2**30) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a migrated database, made once for these migrations."""
    return template_of(postgres)


@pytest.fixture
async def dsn(postgres: Server, template: str) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with temporary_database(postgres, template) as name:
        yield name


@pytest.fixture
async def dsn16(postgres16: embedded.EmbeddedServer) -> AsyncIterator[str]:
    """The same on PostgreSQL 16."""
    async with temporary_database(postgres16, template_of(postgres16)) as name:
        yield name


@pytest.fixture
def settings(dsn: str) -> Settings:
    """Settings of a small service: 8 dimensions, maintenance off the way."""
    return make_settings(dsn)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the whole application."""
    async with running(settings) as http:
        yield http


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> LogLines:
    """Everything that services started by the test write to their log."""
    stream = LogLines()
    # Not sys.stderr itself: pytest puts its own there before the test begins.
    monkeypatch.setattr("app.observability.logging.sys", SimpleNamespace(stderr=stream))
    return stream


def make_settings(dsn: str, **changes: object) -> Settings:
    """Build settings without the environment's say."""
    values: dict[str, object] = {
        "database_url": dsn,
        "default_dimension": DIMENSION,
        "maintenance_interval": 3600.0,
        "log_level": "error",
        "warm_up": False,  # a test makes a search or two, on a connection or two
    }
    return Settings(**values | changes)  # type: ignore[arg-type]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application and talk to it in process."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http:
            yield http


@asynccontextmanager
async def temporary_database(server: Server, template: str | None) -> AsyncIterator[str]:
    """Create a database, from a template if given; drop it in the end."""
    name = f"test_{uuid4().hex}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
    try:
        if template is None and isinstance(server, CitusCluster):
            await server.equip(name)
        yield server.dsn(name)
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(server: Server, statement: str) -> None:
    """Run a statement outside of the tests' databases; on Citus, on all nodes."""
    if isinstance(server, CitusCluster):
        await server.run(statement)
        return
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def close(server: Server, database: str) -> None:
    """Make a database ready to be copied: Citus keeps connections of its own to it."""
    if isinstance(server, CitusCluster):
        await server.close(database)


def template_of(server: Server) -> str:
    files = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
    version = blake2b(b"".join(file.read_bytes() for file in files), digest_size=6).hexdigest()
    name = f"migrated_{version}"
    with (server.data_dir / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ThreadPoolExecutor(1) as beside:  # a test's event loop may be running here
            beside.submit(_make_template, server, name).result()
    return name


def _make_template(server: Server, name: str) -> None:
    if name in asyncio.run(_databases(server.dsn())):
        return
    asyncio.run(execute(server, f"DROP DATABASE IF EXISTS making_{name} WITH (FORCE)"))
    asyncio.run(execute(server, f"CREATE DATABASE making_{name}"))
    if isinstance(server, CitusCluster):
        asyncio.run(server.equip(f"making_{name}"))
    migrations.upgrade(server.dsn(f"making_{name}"))
    asyncio.run(close(server, f"making_{name}"))
    asyncio.run(execute(server, f"ALTER DATABASE making_{name} RENAME TO {name}"))


async def _databases(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()
