"""Before it says that it is ready, the service has opened its connections and searched on them."""

import asyncio

import asyncpg
import httpx
import pytest

from app.domain.errors import DatabaseUnavailableError
from app.main import create_app
from app.services import warming
from app.services.searching import SearchService
from app.services.startup import Startup
from tests.api.calls import NEAR, document, index
from tests.conftest import make_settings, running

_CONNECTIONS = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'onyx-vector-search-%' GROUP BY application_name
"""


async def connections(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        return {name.rpartition("-")[2]: count for name, count in await connection.fetch(_CONNECTIONS)}
    finally:
        await connection.close()


def metric(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"onyx_vector_search_{name}")]


async def test_connections_are_open_and_searches_tried(dsn: str) -> None:
    async with running(make_settings(dsn)) as http:
        await index(http, document("a", chunks=3))
    settings = make_settings(dsn, warm_up=True, search_connections=3, write_connections=2)
    async with running(settings) as http:
        found = await connections(dsn)
        assert {role: found[role] for role in ("search", "write", "probe")} == {"search": 3, "write": 2, "probe": 1}
        shown = (await http.get("/metrics")).text
        before = metric(shown, "search_total")
        assert any('statement="search/semantic_exact"' in line for line in metric(shown, "statement_duration"))
        assert (await http.get("/health/ready")).status_code == 200
        assert metric((await http.get("/metrics")).text, "search_total") == before  # it answered nobody
        assert (await http.post("/search", json={"embedding": NEAR})).json()["hits"]


async def test_readiness_waits_for_it(dsn: str) -> None:
    app = create_app(make_settings(dsn))
    entered, go = asyncio.Event(), asyncio.Event()

    async def warm_up() -> None:
        entered.set()
        await go.wait()

    async with app.router.lifespan_context(app):
        services = app.state.services
        services.readiness.prepared = False
        startup = Startup(
            services.readiness, services.catalog, default_index="documents", default_dimension=8, warm_up=warm_up
        )
        task = asyncio.create_task(startup.first_try())
        await entered.wait()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            assert (await http.get("/health/ready")).json()["code"] == "not_ready"
            go.set()
            await task
            assert (await http.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("failure", [DatabaseUnavailableError("away"), None])
async def test_a_warm_up_that_fails_or_lasts_keeps_nobody_waiting(
    dsn: str, monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    async def rehearse(*_: object) -> None:
        if failure is not None:
            raise failure
        await asyncio.sleep(60)

    monkeypatch.setattr(warming, "_SECONDS", 1.0)
    monkeypatch.setattr(SearchService, "rehearse", rehearse)
    async with running(make_settings(dsn, warm_up=True)) as http:
        assert (await http.get("/health/ready")).status_code == 200
