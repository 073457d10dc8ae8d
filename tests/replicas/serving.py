"""The service on a cluster of three, and what the tests of replicas ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.api.calls import ALICE, NEAR, Json, document, until
from tests.conftest import make_settings, running
from tests.replicas.cluster import Cluster

INDEX = "shared"


@asynccontextmanager
async def service(cluster: Cluster, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    settings = make_settings(cluster.dsn("abc"), search_database_url=cluster.dsn("bc"), **changes)
    async with running(settings) as http:
        made = await http.put(f"/indexes/{INDEX}", json={"embedding_dimension": 8})
        assert made.status_code in {200, 201}, made.text
        for name in "bc":
            await until(lambda name=name: usable(http, server(cluster, name)))  # type: ignore[misc]
        yield http


def server(cluster: Cluster, name: str) -> str:
    return f"127.0.0.1:{cluster.ports[name]}"


async def metric(http: httpx.AsyncClient, name: str) -> dict[str, float]:
    text = (await http.get("/metrics")).text
    start = f"onyx_vector_search_{name}{{server="
    lines = [line.removeprefix(start).split("} ") for line in text.splitlines() if line.startswith(start)]
    return {where.strip('"'): float(value) for where, value in lines}


async def usable(http: httpx.AsyncClient, where: str) -> bool:
    return (await metric(http, "replica_usable"))[where] == 1.0


async def write(http: httpx.AsyncClient, name: str, access: Json | None = None) -> str:
    body = {"index": INDEX, "documents": [document(name, access=access or {"public": True})]}
    answer = await http.post("/documents", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-write-lsn"])


async def names(http: httpx.AsyncClient, after: str | None = None, reader: str = ALICE) -> set[str]:
    body = {"index": INDEX, "embedding": NEAR, "limit": 500, "filters": {"access_control_list": [reader]}}
    headers = {} if after is None else {"x-read-after": after}
    answer = await http.post("/search", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return {hit["document_id"] for hit in answer.json()["hits"]}
