"""A worker that is gone is said to be; one that comes takes its part while everybody goes on."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from app.storage import migrations
from tests.conftest import make_settings, running
from tests.support.citus import CitusCluster
from tests.support.storage import connected

DOCUMENTS = 60
LEAVE = "UPDATE pg_dist_node SET nodeport = 1 WHERE nodeid = (SELECT max(n.nodeid) FROM pg_dist_node AS n)"
RETURN = "UPDATE pg_dist_node SET nodeport = $1 WHERE nodeport = 1"
PLACES = "SELECT DISTINCT s.nodeport FROM citus_shards AS s"


def document(number: int) -> dict[str, Any]:
    """Make a document of one chunk."""
    embedding = np.random.default_rng(number).normal(size=8).tolist()
    return {"id": f"d{number}", "content": "common words", "embedding": embedding}


async def fill(http: httpx.AsyncClient) -> None:
    """Write the documents."""
    answer = await http.post("/documents", json={"documents": [document(number) for number in range(DOCUMENTS)]})
    assert answer.status_code == 200, answer.text


async def search(http: httpx.AsyncClient, number: int, mode: str = "hybrid") -> httpx.Response:
    """Ask for what is nearest to a document."""
    body = {"query": "common words", "embedding": document(number)["embedding"], "mode": mode, "limit": DOCUMENTS}
    return await http.post("/search", json=body)


def names(answer: httpx.Response) -> list[str]:
    """List the documents found, in order."""
    assert answer.status_code == 200, answer.text
    return [hit["document_id"] for hit in answer.json()["hits"]]


async def test_without_a_worker_searches_are_refused_not_wrong(dsn: str) -> None:
    modes = ("semantic", "keyword", "hybrid")
    async with running(make_settings(dsn)) as http, connected(dsn) as connection:
        await fill(http)
        before = [names(await search(http, 1, mode)) for mode in modes]
        assert [len(found) for found in before] == [DOCUMENTS] * len(modes)
        port = await connection.fetchval("SELECT nodeport FROM pg_dist_node ORDER BY nodeid DESC LIMIT 1")
        await connection.execute(LEAVE)
        for mode in modes:
            answer = await search(http, 1, mode)
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "database_unavailable"
        written = await http.post("/documents", json={"documents": [document(number) for number in range(100, 140)]})
        assert written.status_code == 503, written.text
        await connection.execute(RETURN, port)
        assert [names(await search(http, 1, mode)) for mode in modes] == before


async def test_a_worker_is_added_under_load(cluster: CitusCluster) -> None:
    name = f"test_{uuid4().hex}"
    await cluster.run(f"CREATE DATABASE {name}")
    try:
        await cluster.equip(name, workers=1)
        await asyncio.to_thread(migrations.upgrade, cluster.dsn(name))
        async with running(make_settings(cluster.dsn(name))) as http:
            await fill(http)
            expected = {number: names(await search(http, number)) for number in range(5)}
            searched = await _searched_while_moving(cluster, name, http, expected)
            assert searched > 0
            written = await http.post("/documents", json={"documents": [document(number) for number in range(10)]})
            assert written.status_code == 200, written.text
        async with connected(cluster.dsn(name)) as connection:
            assert len(await connection.fetch(PLACES)) == 2
    finally:
        await cluster.run(f"DROP DATABASE {name} WITH (FORCE)")


async def _searched_while_moving(
    cluster: CitusCluster, name: str, http: httpx.AsyncClient, expected: dict[int, list[str]]
) -> int:
    """Add a worker and move shards to it, searching all the while; return how many searches were answered."""
    moving = asyncio.create_task(_grow(cluster, name))
    searched = 0
    while not moving.done():
        number = searched % len(expected)
        assert names(await search(http, number)) == expected[number]
        searched += 1
    await moving
    return searched


async def _grow(cluster: CitusCluster, name: str) -> None:
    await cluster.add_worker(name, 1)
    async with connected(cluster.dsn(name)) as connection:
        await connection.execute("SELECT rebalance_table_shards()")
