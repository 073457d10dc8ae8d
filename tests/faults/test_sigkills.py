"""Services and PostgreSQL are killed under load: what was acknowledged is there, and nothing half-written is shown.

Some kills here; `make faults` kills 500 times (SIGKILLS=…).
"""

import asyncio
import random
import signal
from time import monotonic

import asyncpg
import httpx
import orjson
import pytest

from tests.faults.cluster import Cluster, cluster
from tests.faults.history import Clients, History, Json, Reader, Writer, unlike
from tests.faults.processes import ServiceProcess, service
from tests.faults.test_network import RECOVERY_SECONDS

WRITERS, READERS, DOCUMENTS = 4, 3, 12
QUICK = {
    "VECTOR_SEARCH_ANN_THRESHOLD": "40", "VECTOR_SEARCH_MAINTENANCE_INTERVAL": "0.5",
    "VECTOR_SEARCH_WRITE_CONNECTIONS": "4",
}  # fmt: skip
ORPHANS = """
SELECT t.what, count(*) FROM (
    SELECT 'chunk without a document' AS what FROM chunks AS c
    WHERE NOT EXISTS (SELECT FROM documents AS d WHERE (d.index_id, d.document_key) = (c.index_id, c.document_key))
    UNION ALL
    SELECT 'chunk without its embedding' FROM chunks AS c
    WHERE NOT EXISTS (SELECT FROM chunk_embeddings AS e WHERE (e.index_id, e.document_key, e.chunk_index)
        = (c.index_id, c.document_key, c.chunk_index))
    UNION ALL
    SELECT 'embedding without its chunk' FROM chunk_embeddings AS e
    WHERE NOT EXISTS (SELECT FROM chunks AS c WHERE (e.index_id, e.document_key, e.chunk_index)
        = (c.index_id, c.document_key, c.chunk_index))
    UNION ALL
    SELECT 'terms without their chunk' FROM chunk_terms AS e
    WHERE NOT EXISTS (SELECT FROM chunks AS c WHERE (e.index_id, e.document_key, e.chunk_index)
        = (c.index_id, c.document_key, c.chunk_index))
    UNION ALL
    SELECT 'chunk without its terms' FROM chunks AS c
    WHERE NOT EXISTS (SELECT FROM chunk_terms AS e WHERE (e.index_id, e.document_key, e.chunk_index)
        = (c.index_id, c.document_key, c.chunk_index))
    UNION ALL
    SELECT 'title embedding without its document' FROM title_embeddings AS t
    WHERE NOT EXISTS (SELECT FROM documents AS d WHERE (d.index_id, d.document_key) = (t.index_id, t.document_key))
) AS t GROUP BY 1
"""


async def progress(history: History, more: int, seconds: float = 60) -> float:
    """Wait until so many more writes are acknowledged; return the seconds until the first of them."""
    began, before = monotonic(), history.counts["acknowledged"]
    first = 0.0
    while history.counts["acknowledged"] < before + more:
        if not first and history.counts["acknowledged"] > before:
            first = monotonic() - began
        assert monotonic() < began + seconds, f"no progress: {history.counts}"
        await asyncio.sleep(0.005)
    return first or monotonic() - began


async def kill_service(victim: ServiceProcess) -> None:
    await victim.end(signal.SIGKILL)
    await victim.start()


async def kill_database(database: Cluster, chance: random.Random) -> None:
    if chance.random() < 0.5 and await database.kill_a_backend():
        await database.until_back()
        return
    database.kill()
    await database.start()


async def export(url: str) -> list[Json]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        lines = (await http.get("/documents", params={"ndjson": "true", "chunks": "true"})).text.splitlines()
    return [orjson.loads(line) for line in lines]


async def orphans(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        return dict(await connection.fetch(ORPHANS))
    finally:
        await connection.close()


async def killing(database: Cluster, services: list[ServiceProcess], history: History, kills: int) -> list[float]:
    """Kill by turns while others work; return how long after each return of the database the first write came."""
    chance = random.Random(kills)
    waits: list[float] = []
    restarts: set[asyncio.Task[float]] = set()
    for turn in range(kills):
        await progress(history, chance.randint(1, 12))
        await asyncio.sleep(chance.uniform(0, 0.05))
        if turn % 2:
            await kill_database(database, chance)
            waits.append(await progress(history, 1))
        else:
            victim = services[turn // 2 % len(services)]
            for other in list(restarts):
                await other  # one of the services is always there
            restarts.clear()
            await kill_service(victim)
            restarts.add(asyncio.create_task(victim.until_ready()))
    await asyncio.gather(*restarts)
    return waits


async def test_nothing_acknowledged_is_lost_and_nothing_half_written_is_seen(
    request: pytest.FixtureRequest,
) -> None:
    kills = int(request.config.getoption("--sigkills"))
    history = History()
    async with cluster() as database, service(database.dsn, **QUICK) as one, service(database.dsn, **QUICK) as other:
        clients = Clients([one.url, other.url], seed=kills)
        ending = asyncio.Event()
        work = [Writer(number, history, clients, DOCUMENTS).run(ending) for number in range(WRITERS)]
        look = [Reader(number, history, clients).run(ending) for number in range(READERS)]
        tasks = [asyncio.create_task(each) for each in [*work, *look]]
        began = monotonic()
        waits = await killing(database, [one, other], history, kills)
        await progress(history, 20)
        ending.set()
        await asyncio.gather(*tasks)
        await clients.close()
        for each in (one, other):
            await each.until_ready()
        stored = await export(one.url)
        left = await orphans(database.dsn)
    print(f"{kills} kills in {monotonic() - began:.0f} s: {dict(history.counts)}; back after {sorted(waits)[-5:]}")  # noqa: T201  the figures of docs/reliability.md
    assert [crash for each in (one, other) for crash in each.crashes] == []
    assert history.faults == []
    assert list(unlike(history, stored)) == []
    assert left == {}
    assert max(waits) < RECOVERY_SECONDS
    assert history.counts["searches"] > kills
