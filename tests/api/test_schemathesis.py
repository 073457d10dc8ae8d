"""Whatever may be sent: no 5xx, no status and no body that OpenAPI does not show.

A bounded, repeatable run here; ``make fuzz`` runs longer, and differently each time.
"""

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

import httpx
import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from typing_extensions import override

from app import embedded
from app.main import create_app
from tests.api.calls import document, index
from tests.conftest import make_settings, temporary_database

FUZZING = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
AS_SHOWN = [status_code_conformance, content_type_conformance, response_schema_conformance]
CHECKS = [not_a_server_error, *AS_SHOWN]
KEPT = 20
"""Indexes that are made and stay: listing them takes a moment each."""
SENT: Counter[str] = Counter()
"""How many calls were made of each operation, and how they were answered."""
SHOWN = schemathesis.openapi.from_dict(create_app(make_settings("postgresql://nobody@127.0.0.1:9/none")).openapi())

SHOWN.config.phases.coverage.enabled = FUZZING  # every bound of every field: thousands of calls
SHOWN.config.request_timeout = 60


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send any text as a stream of documents."""
    return str(value).encode("utf-8", "surrogatepass")


class Serving(threading.Thread):
    """A service with a database of its own, in a thread: schemathesis calls it from this one."""

    def __init__(self, postgres: embedded.EmbeddedServer, template: str) -> None:
        super().__init__(daemon=True)
        self._postgres = postgres
        self._template = template
        self.server: uvicorn.Server | None = None
        self.base = ""

    @override
    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with temporary_database(self._postgres, self._template) as dsn:
            app = create_app(make_settings(dsn, max_concurrent_requests=1000))
            self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
            await self.server.serve()

    def __enter__(self) -> Self:
        self.start()
        deadline = time.monotonic() + 30
        while self.server is None or not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.base = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.should_exit = True
        self.join(30)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that are used again: making one takes as long as most calls."""
    with requests.Session() as made:
        yield made


@pytest.fixture(scope="module")
def base(postgres: embedded.EmbeddedServer, template: str) -> Iterator[str]:
    """The address of a service with some documents."""

    async def fill(address: str) -> None:
        async with httpx.AsyncClient(base_url=address) as http:
            await index(http, document("0", chunks=3), document("a", metadata={"k": "v"}))

    with Serving(postgres, template) as serving:
        asyncio.run(fill(serving.base))
        yield serving.base
    kinds = {name: number for name, number in sorted(SENT.items()) if name.isdigit()}
    print(f"\n{sum(kinds.values())} calls, answered {kinds}")  # noqa: T201  the figures of docs/reliability.md


@SHOWN.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=not FUZZING,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_every_operation(case: schemathesis.Case[Any], base: str, session: requests.Session) -> None:
    response = case.call(base_url=base, session=session)
    SENT[f"{case.method} {case.path}"] += 1
    SENT[str(response.status_code)] += 1
    if (case.method, response.status_code) == ("PUT", 201) and SENT["201"] > KEPT:
        tenant = response.request.headers.get("x-tenant-id", "public")
        session.delete(str(response.request.url), headers={"x-tenant-id": tenant}, timeout=60)
    case.validate_response(response, checks=AS_SHOWN if ran_out_of_time(case, response) else CHECKS)


def ran_out_of_time(case: schemathesis.Case[Any], response: schemathesis.Response) -> bool:
    """Whether the answer took longer than the request itself allowed, which is no failure of the service."""
    return response.status_code == 504 and isinstance(case.body, dict) and "timeout_ms" in case.body
