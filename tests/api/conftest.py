"""Fixtures of the HTTP tests."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from app import embedded
from tests.conftest import make_settings, running, temporary_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_client(postgres: embedded.EmbeddedServer, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that all tests of a module share, because they leave it as it is."""
    async with temporary_database(postgres, template) as name, running(make_settings(name)) as http:
        yield http
