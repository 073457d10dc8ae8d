"""What lies between service and PostgreSQL fails: slow, silent, half-open, reset. Told clearly, and recovered from."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from tests.api.calls import NEAR, document
from tests.faults.processes import ServiceProcess, service
from tests.faults.proxy import Proxy, Weather, proxied

RECOVERY_SECONDS = float(os.environ.get("RECOVERY_SECONDS", "30"))
"""Until all is well again: 3 in ``make faults``; more in the ordinary tests, which other tests slow down."""
QUICK = {"VECTOR_SEARCH_STATEMENT_TIMEOUT": "1", "VECTOR_SEARCH_POOL_TIMEOUT": "1"}


def through(dsn: str, proxy: Proxy) -> str:
    """Return the address of a database by way of a proxy."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"))


@asynccontextmanager
async def behind_a_proxy(dsn: str, **settings: str) -> AsyncIterator[tuple[httpx.AsyncClient, Proxy, ServiceProcess]]:
    """Serve with a proxy before the database, and one document in it."""
    parts = urlsplit(dsn)
    async with (
        proxied("127.0.0.1", parts.port or 5432) as proxy,
        service(through(dsn, proxy), **QUICK | settings) as serving,
        httpx.AsyncClient(base_url=serving.url, timeout=30) as http,
    ):
        assert (await write(http)).status_code == 200
        yield http, proxy, serving


async def write(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/documents", json={"documents": [document("a")]})


async def search(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/search", json={"embedding": NEAR})


async def recovered(http: httpx.AsyncClient) -> float:
    """Return how long it takes until writes and searches are answered again."""
    began = monotonic()
    while (await search(http)).status_code != 200 or (await write(http)).status_code != 200:
        assert monotonic() < began + RECOVERY_SECONDS
        await asyncio.sleep(0.02)
    return monotonic() - began


@pytest.mark.parametrize("weather", ["black_hole", "half_open", "refusing"])
async def test_a_database_that_cannot_be_reached(dsn: str, weather: Weather) -> None:
    """Answers come within bounds, liveness holds, and all is well again soon after."""
    async with behind_a_proxy(dsn) as (http, proxy, serving):
        before = serving.pid
        proxy.weather = weather
        if weather == "refusing":
            proxy.cut()
        for call in (search, write):
            began = monotonic()
            answers = await asyncio.gather(*[call(http) for _ in range(4)])
            assert monotonic() - began < 4 * RECOVERY_SECONDS
            assert {answer.status_code for answer in answers} <= {503, 504}
            assert {answer.json()["code"] for answer in answers} <= {
                "database_unavailable", "query_timeout", "overloaded",
            }  # fmt: skip
        began = monotonic()
        assert (await http.get("/health")).status_code == 200
        assert monotonic() - began < RECOVERY_SECONDS
        assert (await http.get("/health/ready")).status_code == 503
        proxy.weather = "fair"
        proxy.cut()  # as the network's own time-outs would
        assert await recovered(http) < RECOVERY_SECONDS
        assert (await http.get("/health/ready")).status_code == 200
        assert serving.pid == before


async def test_a_slow_network_slows_and_breaks_nothing(dsn: str) -> None:
    async with behind_a_proxy(dsn, VECTOR_SEARCH_STATEMENT_TIMEOUT="10", VECTOR_SEARCH_POOL_TIMEOUT="10") as (
        http, proxy, _,
    ):  # fmt: skip
        proxy.weather, proxy.delay = "slow", 0.05
        answers = await asyncio.gather(search(http), write(http), search(http), write(http))
        assert [answer.status_code for answer in answers] == [200] * 4
        proxy.weather = "fair"
        assert await recovered(http) < RECOVERY_SECONDS


async def test_a_thousand_clients_that_leave_leak_nothing(dsn: str, request: pytest.FixtureRequest) -> None:
    """Neither connections nor files nor running statements: what was begun for them is cancelled."""
    disconnects = int(request.config.getoption("--disconnects"))
    async with service(dsn, VECTOR_SEARCH_MAX_CONCURRENT_REQUESTS="500") as serving:
        async with httpx.AsyncClient(base_url=serving.url, timeout=30) as http:
            await write(http)
            await asyncio.gather(*[search(http) for _ in range(20)], *[write(http) for _ in range(8)])
        files = serving.open_files()
        watcher = await asyncpg.connect(dsn)
        blocker = await asyncpg.connect(dsn)
        try:
            for _ in range(disconnects // 50):
                async with blocker.transaction():
                    await blocker.execute("LOCK TABLE documents")
                    await leave(serving.url, 50)
            assert await drained(watcher)
        finally:
            await blocker.close()
            await watcher.close()
        async with httpx.AsyncClient(base_url=serving.url, timeout=30) as http:
            assert await left(http)
            assert await recovered(http) < RECOVERY_SECONDS
        assert serving.open_files() <= files + 2


async def leave(url: str, number: int) -> None:
    """Begin requests that wait for the database, and hang up."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        calls = [asyncio.ensure_future((search, write)[place % 2](http)) for place in range(number)]
        await asyncio.sleep(0.15)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def drained(watcher: asyncpg.Connection) -> bool:
    """Wait until no statement of the service runs any more."""
    for _ in range(100):
        running = await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' "
            "AND application_name IN ('onyx-vector-search-search', 'onyx-vector-search-write')"
        )
        if not running:
            return True
        await asyncio.sleep(0.05)
    return False


async def left(http: httpx.AsyncClient) -> bool:
    """Wait until the service holds no request to be under way but the one that asks."""
    for _ in range(100):
        if in_progress((await http.get("/metrics")).text) <= 1:
            return True
        await asyncio.sleep(0.1)
    return False


def in_progress(metrics: str) -> float:
    """Return how many requests the service holds to be under way; the look at the metrics is one."""
    (line,) = [line for line in metrics.splitlines() if "requests_in_progress" in line and not line.startswith("#")]
    return float(line.rpartition(" ")[2])
