"""A failover under load: what it costs, and that nothing is wrong meanwhile.

    python -m tests.replicas.failover --rounds 5 --output FILE

Two writers and three readers go on while the primary is crashed and a standby promoted. Measured are the seconds for
which writes were refused, from the crash and from the end of the promotion, and the searches that failed; wrong answers
are counted, and there must be none.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import httpx

from app.domain.replication import parse_position
from bench import machine
from tests.api.calls import ALICE, NEAR, document, until
from tests.replicas.cluster import Cluster
from tests.replicas.serving import INDEX, names, server, service, usable


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


@dataclass(frozen=True)
class Failover:
    """What a failover did; seconds of refused writes count from the crash, and from the end of the promotion.

    ``lost``: acknowledged documents of the reader that were not found in the end.
    """

    acknowledged: int
    lost: int
    missing: int
    foreign: int
    searches: int
    failed_searches: int
    refused_writes: int
    promotion_seconds: float
    refused_seconds: float
    refused_after_promotion_seconds: float


async def fail_over(cluster: Cluster) -> Failover:
    """Crash the primary under load, promote, and go on for a while."""
    load = Load()
    async with service(cluster) as http, asyncio.TaskGroup() as group:
        for writer in range(2):
            group.create_task(keep_writing(http, load, writer))
        for _ in range(3):
            group.create_task(keep_searching(http, load))
        await until(lambda: written(load, 30), seconds=30)
        crashed = time.monotonic()
        await asyncio.to_thread(cluster.crash, "a")
        promoted = await cluster.promote_furthest()
        answered = time.monotonic()
        before = len(load.acknowledged)
        await until(lambda: written(load, before + 20), seconds=30)
        other = server(cluster, "c" if promoted == "b" else "b")
        await until(lambda: usable(http, other), seconds=30)
        after = latest(load.acknowledged.values())
        mine = {name for name in load.acknowledged if int(name.partition("/")[2]) % 2}
        lost = mine - await names(http, after)
        load.over = True
    last = max(load.refusals, default=crashed)
    return Failover(
        acknowledged=len(load.acknowledged),
        lost=len(lost),
        missing=len(load.missing),
        foreign=len(load.foreign),
        searches=load.searches,
        failed_searches=load.failed_searches,
        refused_writes=len(load.refusals),
        promotion_seconds=round(answered - crashed, 2),
        refused_seconds=round(max(0.0, last - crashed), 2),
        refused_after_promotion_seconds=round(max(0.0, last - answered), 2),
    )


async def written(load: Load, count: int) -> bool:
    """Whether so many writes were acknowledged."""
    return len(load.acknowledged) >= count


def main() -> None:
    """Fail over some times, each time on a cluster of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    runs = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="failover-") as name:
            Path(name).chmod(0o755)
            cluster = Cluster(Path(name))
            try:
                cluster.start()
                runs.append(asdict(asyncio.run(fail_over(cluster))))
            finally:
                cluster.stop()
        sys.stdout.write(f"{runs[-1]}\n")
    summed = {name: [median(values := [run[name] for run in runs]), min(values), max(values)] for name in runs[0]}
    if given.output is not None:
        content = {"machine": machine.describe(), "runs": runs, "median_least_greatest": summed}
        given.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
