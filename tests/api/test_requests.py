"""What surrounds every request: its id, its log line, its metrics, and a client that leaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from tests.api.calls import NEAR, Json, document, index, search, until
from tests.conftest import make_settings, running
from tests.support.log_lines import LogLines


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application by a real uvicorn; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    server.config.load()
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_an_id_that_is_given_comes_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health", headers={"x-request-id": "turn-17.a_b"})
    assert answer.headers["x-request-id"] == "turn-17.a_b"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "a\tb", "<script>", "é"])
async def test_an_id_is_made_where_none_is_given_or_it_is_unsafe(client: httpx.AsyncClient, given: str | None) -> None:
    headers = [] if given is None else [(b"x-request-id", given.encode())]
    made = [(await client.get("/nothing", headers=headers)).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(len(each) == 32 and each != given for each in made)


async def test_every_line_of_a_request_bears_its_id(settings: Settings, lines: LogLines) -> None:
    async with running(settings.model_copy(update={"log_level": "debug"})) as http:
        await http.get("/indexes/none", headers={"x-request-id": "one"})
        await http.get("/indexes/documents", headers={"x-request-id": "two"})
        await http.request("BREW", "/health")
    requests = lines.events("request")
    assert [(line["request_id"], line["route"], line["status"]) for line in requests[:2]] == [
        ("one", "/indexes/{name}", 404), ("two", "/indexes/{name}", 200),
    ]  # fmt: skip
    assert requests[2]["method"] == "other"
    assert all(line["level"] and line["timestamp"] and line["ms"] >= 0 for line in requests)


async def test_what_nobody_foresaw_is_a_500_with_its_cause_in_the_log(
    settings: Settings, lines: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    async with running(settings.model_copy(update={"log_level": "debug"})) as http:
        monkeypatch.setattr("app.services.searching.SearchService.search", crash)
        answer = await http.post("/search", json={"embedding": NEAR}, headers={"x-request-id": "boom"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] == "boom"
    assert "secret detail" not in answer.text
    (line,) = lines.events("request_crashed")
    assert line["request_id"] == "boom"
    assert "ZeroDivisionError: secret detail" in line["exception"]
    (request,) = lines.events("request")
    assert (request["status"], request["request_id"]) == (500, "boom")


async def test_secrets_are_never_logged(dsn: str, lines: LogLines) -> None:
    secrets = ["sk-embedding-key", "service-key-123", urlsplit(dsn).password or "a-password-of-none"]
    settings = make_settings(
        dsn, embedding_api_base="http://127.0.0.1:9/v1", embedding_api_key=secrets[0], api_keys=(secrets[1],),
        log_level="debug",
    )  # fmt: skip
    async with running(settings) as http:
        headers = {"authorization": f"Bearer {secrets[1]}"}
        for path in ("/documents", "/search"):
            body: Json = {"documents": [{"id": "a", "content": "x"}]}
            if path == "/search":
                body = {"query": "x", "mode": "semantic"}
            assert (await http.post(path, json=body, headers=headers)).status_code == 502
        await http.get("/indexes", headers={"authorization": "Bearer wrong-key-456"})
    unreachable = make_settings(f"postgresql://u:{secrets[2]}@127.0.0.1:9/none", log_level="debug")
    async with running(unreachable) as http:
        assert (await http.get("/indexes")).status_code == 503
    assert lines.events("request_failed")
    text = "\n".join(lines.raw) + repr(settings) + repr(unreachable)
    assert not [secret for secret in [*secrets, "wrong-key-456"] if secret in text]


async def test_metrics_count_requests_and_problems_by_route_and_code(client: httpx.AsyncClient) -> None:
    async def value(name: str) -> float:
        for line in (await client.get("/metrics")).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    problem = 'onyx_vector_search_problems_total{code="index_not_found"}'
    count = "onyx_vector_search_http_request_duration_seconds_count"
    request = count + '{method="GET",route="/indexes/{name}",status="404"}'
    wild = count + '{method="other",route="unmatched",status="404"}'
    before = [await value(name) for name in (problem, request, wild)]
    await client.get("/indexes/none")
    await client.request("BREW", "/somewhere")
    assert [await value(name) for name in (problem, request, wild)] == [number + 1 for number in before]
    await client.get("/health/ready")
    assert await value("onyx_vector_search_ready") == 1.0
    searches = 'onyx_vector_search_search_total{search_type="semantic",strategy="exact"}'
    before = [await value(searches)]
    await index(client, document("a"))
    await search(client)
    assert await value('onyx_vector_search_pool_connections_in_use{pool="search"}') == 0.0
    assert [await value(searches)] == [before[0] + 1]


async def running_statements(connection: asyncpg.Connection) -> int:
    number: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' "
        "AND wait_event_type IS DISTINCT FROM 'Client' AND application_name LIKE 'onyx-vector-search-%'"
    )
    return number


@pytest.mark.parametrize("call", ["search", "documents", "update", "get"])
async def test_a_client_that_leaves_takes_its_statement_with_it(dsn: str, lines: LogLines, call: str) -> None:
    app = create_app(make_settings(dsn, log_level="debug", search_connections=1, write_connections=2))
    connection = await asyncpg.connect(dsn)
    calls: dict[str, tuple[str, str, Any]] = {
        "search": ("POST", "/search", {"embedding": NEAR}),
        "documents": ("POST", "/documents", {"documents": [document("b")]}),
        "update": ("PATCH", "/documents", {"updates": [{"document_ids": ["a"], "boost": 9}]}),
        "get": ("GET", "/documents/a", None),
    }
    method, path, body = calls[call]
    try:
        async with served(app) as base, httpx.AsyncClient(base_url=base, timeout=60) as http:
            await index(http, document("a"))
            locked = connection.transaction()
            await locked.start()
            await connection.execute("LOCK TABLE documents")  # every statement about documents waits for this
            with pytest.raises(httpx.ReadTimeout):
                await http.request(method, path, json=body, timeout=0.7)

            async def quiet() -> bool:
                return await running_statements(connection) == 0 and len(lines.events("request")) > 1

            await until(quiet, 10)
            await locked.rollback()
            assert (await http.get("/documents/a")).json()["boost"] == 0
            assert (await http.get("/documents/b")).status_code == 404
            # The connections are as good as new.
            await asyncio.gather(*[index(http, document(f"c{number}")) for number in range(4)])
            assert len((await search(http))["hits"]) == 5
    finally:
        await connection.close()
    (line,) = [each for each in lines.events("request") if each["status"] == 499]
    assert line["method"] == method
    assert not lines.events("request_crashed")
