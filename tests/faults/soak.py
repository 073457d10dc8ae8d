"""Mixed load for a long time: memory, connections, files, dead rows and latency stay flat, and no answer is wrong.

``make soak MINUTES=60``. Writers, updaters and searchers work at a steady rate on a service and a PostgreSQL of their
own; every ten seconds is a line, and the last third is compared with the middle one.

How long requests take is told by whatever else the machine does, too. So a control runs beside them: the same small
transaction, over and over, in a database of its own of the same PostgreSQL, without the service. Latency is flat when
it grows no more than the control's does.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from time import monotonic

import asyncpg
import numpy as np

from tests.faults.cluster import Cluster, cluster
from tests.faults.history import Clients, History, Reader, Writer
from tests.faults.processes import ServiceProcess, service

STATE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'onyx-vector-search%') AS connections,
    (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables) AS dead_rows,
    (SELECT pg_database_size(current_database())) AS bytes
"""
SAMPLE_SECONDS = 10.0
PAUSE = 0.1
GROWTH = {
    "memory_mb": 1.10, "open_files": 1.10, "connections": 1.25, "p50_of_control": 1.25, "p99_of_control": 1.5,
    "dead_rows": 1.5,
}  # fmt: skip
"""How much larger the median of the last third may be than that of the middle one."""
CONTROL_PAUSE = 0.05
CONTROL_READ = "SELECT sum(hashint4(number)) FROM generate_series(1, 20000) AS number"
CONTROL_WRITE = "UPDATE control SET turn = turn + 1"


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
    control_p50_ms: float
    control_p99_ms: float

    @property
    def p50_of_control(self) -> float:
        """How many times as long as the control half of the requests took at most."""
        return self.p50_ms / self.control_p50_ms

    @property
    def p99_of_control(self) -> float:
        """The same of nearly all."""
        return self.p99_ms / self.control_p99_ms


class Control:
    """Work that takes as long as ever unless the machine has less time for it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def step(self) -> None:
        """Do it once: as a request, it takes a processor for milliseconds, some round trips, and a flush of the log."""
        async with self._connection.transaction():
            await self._connection.fetchval(CONTROL_READ)
            await self._connection.execute(CONTROL_WRITE)


@asynccontextmanager
async def control(database: Cluster) -> AsyncIterator[Control]:
    """Make a database for the control, and connect to it."""
    assert database.server is not None
    connection = await asyncpg.connect(database.dsn)
    await connection.execute("CREATE DATABASE control")
    await connection.close()
    connection = await asyncpg.connect(database.server.dsn("control"))
    await connection.execute("CREATE TABLE control AS SELECT 0 AS turn")
    try:
        yield Control(connection)
    finally:
        await connection.close()


async def steadily(
    worker: Writer | Reader | Control, ending: asyncio.Event, times: list[float], pause: float = PAUSE
) -> None:
    """Work at a rate the machine can hold, and note how long each step takes."""
    while not ending.is_set():
        began = monotonic()
        await worker.step()
        times.append(monotonic() - began)
        await asyncio.sleep(pause)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that steps took since the line before."""

    requests: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)


def percentiles(times: list[float]) -> list[float]:
    """Return half and 99 of a hundred, in milliseconds, and begin anew."""
    taken = np.array(times or [float("nan")]) * 1000
    times.clear()
    return [round(float(np.percentile(taken, share)), 2) for share in (50, 99)]


async def sample(dsn: str, serving: ServiceProcess, seconds: float, times: Times) -> Sample:
    """Look at everything once."""
    connection = await asyncpg.connect(dsn)
    state = await connection.fetchrow(STATE)
    await connection.close()
    return Sample(
        round(seconds), round(serving.memory_bytes() / 2**20, 1), serving.open_files(), state["connections"],
        state["dead_rows"], round(state["bytes"] / 2**20, 1), len(times.requests), *percentiles(times.requests),
        *percentiles(times.control),
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
    history, ending, times, samples = History(), asyncio.Event(), Times(), list[Sample]()
    async with (
        cluster() as database,
        service(database.dsn, VECTOR_SEARCH_ANN_THRESHOLD="200") as serving,
        control(database) as compared,
    ):
        clients = Clients([serving.url], seed=1)
        workers: list[Writer | Reader] = [Writer(number, history, clients, 100) for number in range(3)]
        workers += [Reader(number, history, clients) for number in range(4)]
        tasks = [asyncio.create_task(steadily(worker, ending, times.requests)) for worker in workers]
        tasks.append(asyncio.create_task(steadily(compared, ending, times.control, CONTROL_PAUSE)))
        began = monotonic()
        while monotonic() < began + minutes * 60:
            await asyncio.sleep(SAMPLE_SECONDS)
            samples.append(await sample(database.dsn, serving, monotonic() - began, times))
            print(json.dumps(asdict(samples[-1])), flush=True)  # noqa: T201  a script says what it found
        ending.set()
        await asyncio.gather(*tasks)
        await clients.close()
    grown = growth(samples)
    too_much = {name: round(ratio, 2) for name, ratio in grown.items() if not ratio <= GROWTH[name]}
    shown = {name: round(ratio, 3) for name, ratio in grown.items()}
    print(json.dumps({"counts": history.counts, "growth": shown, "faults": history.faults[:10]}))  # noqa: T201  as above
    if too_much or history.faults:
        print(f"not flat: {too_much}; wrong answers: {len(history.faults)}", file=sys.stderr)  # noqa: T201  as above
        return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    sys.exit(asyncio.run(soak(parser.parse_args().minutes)))
