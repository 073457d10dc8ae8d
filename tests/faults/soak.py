"""Mixed load for a long time: memory, connections, files, dead rows and latency stay flat, and no answer is wrong.

``make soak MINUTES=60``. Writers, updaters and searchers work at a steady rate on a service and a PostgreSQL of their
own; every ten seconds is a line, and the last third is compared with the middle one.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from statistics import median
from time import monotonic

import asyncpg
import numpy as np

from tests.faults.cluster import cluster
from tests.faults.history import Clients, History, Reader, Writer
from tests.faults.processes import ServiceProcess, service

STATE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'onyx-vector-search%') AS connections,
    (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables) AS dead_rows,
    (SELECT pg_database_size(current_database())) AS bytes
"""
SAMPLE_SECONDS = 10.0
PAUSE = 0.1
GROWTH = {"memory_mb": 1.10, "open_files": 1.10, "connections": 1.25, "p99_ms": 1.5, "dead_rows": 1.5}
"""How much larger the median of the last third may be than that of the middle one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: what the service and PostgreSQL hold, and how long requests took since the line before."""

    seconds: float
    memory_mb: float
    open_files: int
    connections: int
    dead_rows: int
    database_mb: float
    requests: int
    p50_ms: float
    p99_ms: float


async def steadily(worker: Writer | Reader, ending: asyncio.Event, times: list[float]) -> None:
    """Work at a rate the machine can hold, and note how long each step takes."""
    while not ending.is_set():
        began = monotonic()
        await worker.step()
        times.append(monotonic() - began)
        await asyncio.sleep(PAUSE)


async def sample(dsn: str, serving: ServiceProcess, seconds: float, times: list[float]) -> Sample:
    """Look at everything once."""
    connection = await asyncpg.connect(dsn)
    state = await connection.fetchrow(STATE)
    await connection.close()
    taken = np.array(times or [0.0]) * 1000
    count = len(times)
    times.clear()
    return Sample(
        round(seconds), round(serving.memory_bytes() / 2**20, 1), serving.open_files(), state["connections"],
        state["dead_rows"], round(state["bytes"] / 2**20, 1), count, round(float(np.median(taken)), 1),
        round(float(np.percentile(taken, 99)), 1),
    )  # fmt: skip


def growth(samples: list[Sample]) -> dict[str, float]:
    """Return by how much each figure is larger in the last third than in the middle one."""
    third = max(1, len(samples) // 3)
    middle, last = samples[-2 * third : -third], samples[-third:]
    return {
        name: median(getattr(each, name) for each in last) / max(1e-9, median(getattr(each, name) for each in middle))
        for name in GROWTH
    }


async def soak(minutes: float) -> int:
    """Run; return 1 if something grew or an answer was wrong."""
    history, ending, times, samples = History(), asyncio.Event(), list[float](), list[Sample]()
    async with cluster() as database, service(database.dsn, VECTOR_SEARCH_ANN_THRESHOLD="200") as serving:
        clients = Clients([serving.url], seed=1)
        workers: list[Writer | Reader] = [Writer(number, history, clients, 100) for number in range(3)]
        workers += [Reader(number, history, clients) for number in range(4)]
        tasks = [asyncio.create_task(steadily(worker, ending, times)) for worker in workers]
        began = monotonic()
        while monotonic() < began + minutes * 60:
            await asyncio.sleep(SAMPLE_SECONDS)
            samples.append(await sample(database.dsn, serving, monotonic() - began, times))
            print(json.dumps(asdict(samples[-1])), flush=True)  # noqa: T201  a script says what it found
        ending.set()
        await asyncio.gather(*tasks)
        await clients.close()
    grown = growth(samples)
    too_much = {name: round(ratio, 2) for name, ratio in grown.items() if ratio > GROWTH[name]}
    print(json.dumps({"counts": history.counts, "growth": grown, "faults": history.faults[:10]}))  # noqa: T201  as above
    if too_much or history.faults:
        print(f"not flat: {too_much}; wrong answers: {len(history.faults)}", file=sys.stderr)  # noqa: T201  as above
        return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    sys.exit(asyncio.run(soak(parser.parse_args().minutes)))
