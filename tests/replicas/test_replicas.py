"""Searches on standbys: read-your-writes, lag, access lists, failover."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from app.domain.replication import parse_position
from tests.api.calls import ALICE, NEAR, Json, document, search, until
from tests.conftest import make_settings, running
from tests.replicas.cluster import Cluster, execute, value

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


@dataclass
class Load:
    """What writers and readers met."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    refusals: list[float] = field(default_factory=list)
    searches: int = 0
    failed_searches: int = 0
    missing: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    over: bool = False


async def keep_writing(http: httpx.AsyncClient, load: Load, writer: int) -> None:
    turn = 0
    while not load.over:
        name = f"{writer}/{turn}"
        entries = [ALICE] if turn % 2 else ["user_email:other@x.io"]
        body = {"index": INDEX, "documents": [document(name, access={"public": False, "entries": entries})]}
        answer = await http.post("/documents", json=body)
        if answer.status_code == 200:
            load.acknowledged[name] = answer.headers.get("x-write-lsn", "")
            turn += 1
        else:
            assert answer.status_code == 503, answer.text
            load.refusals.append(time.monotonic())
        await asyncio.sleep(0.02)


def latest(positions: Iterable[str]) -> str | None:
    """Return the last place in the log; a primary killed right after a commit is acknowledged without one."""
    return max((each for each in positions if each), key=lambda each: parse_position(each, ""), default=None)


async def keep_searching(http: httpx.AsyncClient, load: Load) -> None:
    """A search that asks for a write sees it and all before it; nobody sees what is not theirs."""
    body = {"index": INDEX, "embedding": NEAR, "limit": 500, "filters": {"access_control_list": [ALICE]}}
    while not load.over:
        known = dict(load.acknowledged)
        mine = {name for name in known if int(name.partition("/")[2]) % 2}
        after = latest(known.values())
        answer = await http.post("/search", json=body, headers={"x-read-after": after} if after else {})
        load.searches += 1
        if answer.status_code == 200:
            seen = {hit["document_id"] for hit in answer.json()["hits"]}
            if after is not None:
                load.missing += sorted(mine - seen)
            load.foreign += [name for name in seen if not int(name.partition("/")[2]) % 2]
        else:
            assert answer.status_code == 503, answer.text
            load.failed_searches += 1
        await asyncio.sleep(0.02)


async def test_failover_under_load_loses_nothing_and_refuses_writes_for_seconds(cluster: Cluster) -> None:
    load = Load()
    async with service(cluster) as http, asyncio.TaskGroup() as group:
        for writer in range(2):
            group.create_task(keep_writing(http, load, writer))
        for _ in range(3):
            group.create_task(keep_searching(http, load))
        await until(lambda: written(load, 30), seconds=30)
        await asyncio.to_thread(cluster.crash, "a")
        crashed = time.monotonic()
        promoted = await cluster.promote_furthest()
        answered = time.monotonic()
        before = len(load.acknowledged)
        await until(lambda: written(load, before + 20), seconds=30)
        other = server(cluster, "c" if promoted == "b" else "b")
        await until(lambda: usable(http, other), seconds=30)
        after = latest(load.acknowledged.values())
        mine = {name for name in load.acknowledged if int(name.partition("/")[2]) % 2}
        assert mine <= await names(http, after)
        load.over = True
    assert load.missing == []
    assert load.foreign == []
    refused = max(load.refusals, default=crashed) - answered
    assert refused <= 3.0, f"writes were refused for {refused:.1f} s after the promotion"
    assert load.failed_searches <= load.searches / 10, (load.failed_searches, load.searches)


async def written(load: Load, count: int) -> bool:
    return len(load.acknowledged) >= count
