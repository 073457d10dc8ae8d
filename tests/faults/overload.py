"""Ten times what the service can do: what is let in is answered about as fast as ever, the rest refused at once.

``make overload SECONDS=60``. In one run: how many can be done, how long requests take when there are few, then ten
times as many as can be done, and then at once two thirds of what can be done.

Requests come when they are due, whether those before them are answered or not. What is let in is timed from when it
was due until its answer came to this machine's network; what is refused, from when it was sent, as the service could
not know of it earlier. By how much they were sent late is told: it is the load generator's share.
"""

import argparse
import asyncio
import base64
import gc
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import numpy as np
import orjson

from tests.faults.cluster import cluster
from tests.faults.load import ACCEPTED, REFUSED, Answers, Load, drawn, percentile, request
from tests.faults.processes import ServiceProcess, service

DIMENSION = 768
TIMES, AFTER, QUIET = 10.0, 0.66, 0.15
"""Requests a second, of those that can be done."""
SEARCHES, WRITES = "searches", "writes"
WORDS = ("harbour", "lantern", "meadow", "pebble", "thicket", "willow")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is stored, and how long is measured."""

    documents: int = 8_000
    seconds: float = 60.0
    quiet_seconds: float = 60.0
    capacity_seconds: float = 8.0
    after_seconds: float = 8.0


@dataclass(slots=True)
class Found:
    """What was seen: answers of each part by kind of request, requests a second, and memory in bytes."""

    unloaded: dict[str, Answers]
    capacity: float
    overloaded: dict[str, Answers]
    offered: float
    after: dict[str, Answers]
    after_rate: float
    memory: list[int]
    missed: int
    late: list[float]

    def figures(self) -> dict[str, Any]:
        """Return what is told of it."""
        shown: dict[str, Any] = {
            "capacity": round(self.capacity, 1), "offered": round(self.offered, 1), "missed": self.missed,
            "sent_late_p50_p99": shares(self.late, 50, 99), "afterwards": round(self.after_rate, 1),
            "memory_mb": [round(each / 2**20) for each in self.memory],
        }  # fmt: skip
        for kind, answers in self.overloaded.items():
            before = self.unloaded[kind]
            shown[kind] = {
                "unloaded_p50_p99": shares(before.waited.get(ACCEPTED, []), 50, 99),
                "accepted": answers.count(ACCEPTED),
                "accepted_p50_p99": shares(answers.waited.get(ACCEPTED, []), 50, 99),
                "accepted_once_sent_p50_p99": shares(answers.served.get(ACCEPTED, []), 50, 99),
                "refused": answers.count(REFUSED),
                "refused_p50_p99_max": shares(answers.waited.get(REFUSED, []), 50, 99, 100),
                "refused_once_sent_p50_p99_max": shares(answers.served.get(REFUSED, []), 50, 99, 100),
            }
        return shown

    def broken(self) -> list[str]:
        """Return what does not hold of what is promised."""
        wrong: list[str] = []
        for kind, answers in self.overloaded.items():
            before = percentile(self.unloaded[kind].waited.get(ACCEPTED, []), 99)
            ratio = percentile(answers.waited.get(ACCEPTED, []), 99) / before
            if not ratio <= 3:
                wrong.append(f"{kind} that were let in took {ratio:.1f} times as long")
            refused = percentile(answers.served.get(REFUSED, [0.0]), 99)
            if refused > 50:
                wrong.append(f"{kind} were refused within {refused:.0f} ms only")
        if self.memory[-1] > self.memory[0] * 1.1 + 2**24:
            wrong.append(f"memory grew: {self.memory}")
        if self.after_rate < 0.9 * AFTER * self.capacity:
            wrong.append(f"{self.after_rate:.0f} requests a second afterwards, of {AFTER * self.capacity:.0f}")
        for part in (self.unloaded, self.overloaded, self.after):
            wrong += [each.decode(errors="replace") for answers in part.values() for each in answers.unlike[:3]]
        return wrong


def shares(times: list[float], *percentages: float) -> list[float]:
    """Return percentiles, to be read."""
    return [round(percentile(times, each), 1) for each in percentages]


def vector(chance: random.Random) -> str:
    """Draw an embedding, as base64."""
    numbers = np.random.default_rng(chance.getrandbits(32)).normal(size=DIMENSION)
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()


def document(chance: random.Random, number: int) -> dict[str, Any]:
    """Make a document of one chunk."""
    text = " ".join(chance.choices(WORDS, k=40)) + f" number {number}"
    return {"id": f"document {number}", "title": f"title {number}", "content": text, "embedding": vector(chance)}


async def fill(url: str, plan: Plan, chance: random.Random) -> None:
    """Store the documents."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for start in range(0, plan.documents, 200):
            batch = [document(chance, number) for number in range(start, min(start + 200, plan.documents))]
            (await http.post("/documents", json={"documents": batch})).raise_for_status()


def traffic(plan: Plan, chance: random.Random) -> Callable[[], tuple[str, bytes]]:
    """Draw requests: nine searches of three modes to a write of one document, written out beforehand."""
    asked: list[dict[str, Any]] = []
    for turn in range(300):
        words, sought = " ".join(chance.sample(WORDS, 2)), vector(chance)
        modes: list[dict[str, Any]] = [
            {"embedding": sought}, {"embedding": sought, "query": words}, {"mode": "keyword", "query": words},
        ]  # fmt: skip
        asked.append(modes[turn % 3] | {"limit": 10, "highlight": False})
    searches = [request("/search", orjson.dumps(each)) for each in asked]
    writes = [
        request("/documents", orjson.dumps({"documents": [document(chance, chance.randrange(plan.documents))]}))
        for _ in range(300)
    ]
    return drawn(
        chance, [(SEARCHES, 0.9, lambda: chance.choice(searches)), (WRITES, 0.1, lambda: chance.choice(writes))]
    )


def rate_of(answers: dict[str, Answers], seconds: float) -> float:
    """Return how many requests were done in a second."""
    return sum(each.count(ACCEPTED) for each in answers.values()) / seconds


async def measure(dsn: str, serving: ServiceProcess, plan: Plan) -> Found:
    """Measure a service."""
    chance = random.Random(7)
    await fill(serving.url, plan, chance)
    connection = await asyncpg.connect(dsn)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    draw, load = traffic(plan, chance), Load(serving.port)
    gc.collect()
    gc.freeze()  # collecting would hold requests up here, not there
    try:
        await load.steadily(8, min(5.0, plan.capacity_seconds), draw)
        busy = await load.steadily(8, plan.capacity_seconds, draw)
        capacity = rate_of(busy, plan.capacity_seconds)
        unloaded = await load.at_rate(QUIET * capacity, plan.quiet_seconds, draw)
        await load.at_rate(TIMES * capacity, min(2.0, plan.seconds), draw)  # the clients it takes are there from here
        memory = [serving.memory_bytes()]
        load.missed, load.late = 0, []
        overloaded = await load.at_rate(TIMES * capacity, plan.seconds, draw)
        memory.append(serving.memory_bytes())
        late = load.late
        after = await load.at_rate(AFTER * capacity, plan.after_seconds, draw)
    finally:
        load.close()
    offered = sum(len(times) for each in overloaded.values() for times in each.waited.values()) / plan.seconds
    after_rate = rate_of(after, plan.after_seconds)
    return Found(unloaded, capacity, overloaded, offered, after, after_rate, memory, load.missed, late)


async def overload(plan: Plan) -> Found:
    """Measure a service and a PostgreSQL of its own."""
    async with (
        cluster(settings={"max_wal_size": "8GB"}) as database,
        service(database.dsn, VECTOR_DB_EMBEDDING_DIMENSION=str(DIMENSION)) as serving,
    ):
        return await measure(database.dsn, serving, plan)


def main() -> int:
    """Measure and tell; return 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    found = asyncio.run(overload(Plan(seconds=parser.parse_args().seconds)))
    print(json.dumps(found.figures(), indent=1))  # noqa: T201  a script says what it found
    broken = found.broken()
    print("\n".join(broken), file=sys.stderr)  # noqa: T201  as above
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
