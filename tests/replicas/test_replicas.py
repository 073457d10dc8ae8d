"""Searches on standbys: read-your-writes, lag, access lists, failover."""

import asyncio

import httpx

from tests.api.calls import ALICE, NEAR, search, until
from tests.replicas.cluster import Cluster, execute, value
from tests.replicas.failover import fail_over
from tests.replicas.serving import metric, names, server, service, usable, write


async def test_searches_go_to_standbys_and_see_what_they_ask_for(cluster: Cluster) -> None:
    async with service(cluster) as http:
        before = await metric(http, "replica_reads_total")
        for turn in range(20):
            after = await write(http, f"document {turn}")
            assert f"document {turn}" in await names(http, after)
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(names(http))
        reads = await metric(http, "replica_reads_total")
        standbys = [server(cluster, name) for name in "bc"]
        assert sum(reads.get(name, 0) - before.get(name, 0) for name in standbys) >= 20
        assert all(reads.get(name, 0) > before.get(name, 0) for name in standbys), reads
        assert (await search(http, index="documents"))["hits"] == []
        refused = await http.post("/search", json={"embedding": NEAR}, headers={"x-read-after": "later"})
        assert refused.status_code == 422


async def test_a_standby_that_lags_is_right_about_what_it_knows(cluster: Cluster) -> None:
    async with service(cluster, max_replica_lag=600.0) as http:
        old = await write(http, "old", access={"public": False, "entries": [ALICE]})
        await until(lambda: shows(http, {"old"}))
        assert await names(http, old) == {"old"}
        for name in "bc":
            await until(lambda name=name: has(cluster, name, old))  # type: ignore[misc]
            await execute(cluster.dsn(name), "SELECT pg_wal_replay_pause()")
        await write(http, "group", access={"public": False, "entries": ["group:new", ALICE]})
        new = await write(http, "private", access={"public": False, "entries": ["user_email:someone@x.io"]})
        assert await names(http) == {"old"}, "as of a moment ago"
        assert await names(http, new) == {"old", "group"}, "the primary is asked: no standby has it"
        assert await names(http, new, "group:new") == {"group"}
        assert await names(http, reader="group:new") == set(), "no list of the primary's is applied to a standby"
        for name in "bc":
            await execute(cluster.dsn(name), "SELECT pg_wal_replay_resume()")
        await until(lambda: shows(http, {"old", "group"}))


async def test_a_standby_too_far_behind_is_left_alone(cluster: Cluster) -> None:
    async with service(cluster, max_replica_lag=1.0) as http:
        lagging = server(cluster, "c")
        await execute(cluster.dsn("c"), "SELECT pg_wal_replay_pause()")
        await write(http, "new")
        await until(lambda: is_unusable(http, lagging))
        assert (await metric(http, "replica_lag_seconds"))[lagging] > 1.0
        for _ in range(10):
            assert await names(http) == {"new"}
        await execute(cluster.dsn("c"), "SELECT pg_wal_replay_resume()")
        await until(lambda: usable(http, lagging))
        assert await names(http) == {"new"}


async def has(cluster: Cluster, name: str, position: str) -> bool:
    return bool(await value(cluster.dsn(name), f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"))


async def shows(http: httpx.AsyncClient, expected: set[str]) -> bool:
    return await names(http) == expected


async def is_unusable(http: httpx.AsyncClient, where: str) -> bool:
    return not await usable(http, where)


async def test_failover_under_load_loses_nothing_and_shows_nothing_wrong(cluster: Cluster) -> None:
    """And writes are taken again by whoever was promoted; for how long they were refused `failover` measures."""
    seen = await fail_over(cluster)
    assert (seen.lost, seen.missing, seen.foreign) == (0, 0, 0)
