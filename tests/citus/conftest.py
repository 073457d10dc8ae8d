"""Tests of Citus itself: collected only where one is named (`make test-citus CITUS=dsn`)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app import embedded
from tests.conftest import ROOT, Server, make_settings, running, template_of, temporary_database
from tests.support.citus import CitusCluster


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests of this folder out unless there is a Citus."""
    return True if collection_path.suffix == ".py" and not config.getoption("--citus") else None


@pytest.fixture
def cluster(postgres: Server) -> CitusCluster:
    """The Citus that was named."""
    assert isinstance(postgres, CitusCluster)
    return postgres


@pytest.fixture(scope="session")
def one_postgres() -> Iterator[embedded.EmbeddedServer]:
    """One PostgreSQL to compare with."""
    with embedded.start(ROOT / ".postgres" / "18", version=18, durable=False, memory_bytes=4 * 2**30) as server:
        yield server


@pytest.fixture
async def one_dsn(one_postgres: embedded.EmbeddedServer) -> AsyncIterator[str]:
    """A migrated database on one PostgreSQL."""
    async with temporary_database(one_postgres, template_of(one_postgres)) as dsn:
        yield dsn


@pytest.fixture
async def one_client(one_dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service on one PostgreSQL."""
    async with running(make_settings(one_dsn)) as http:
        yield http
