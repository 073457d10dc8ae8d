"""Searches a second by the cores that are given: one standby on one core against two standbys on two.

    python -m tests.replicas.read_scaling --chunks 20000 --output FILE

A node is a core with a standby, a process of the service and four clients that keep it busy, all pinned to it; the
primary and what is left of it rest beside the first. Every service searches all standbys that are given. There are two
kinds of searches: exact ones, which PostgreSQL is busy with, and those by the HNSW graph, of which the service and the
client take a large part. Settings take turns; beside the rates stands the processor time that an answer costs each,
which a busy machine disturbs less.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import psutil

from bench import machine
from bench.cpu import ProcessorTime
from bench.processes import free_port, running
from bench.selections import K
from bench.service import INDEX, ROOT, Service, to_base64
from bench.setting import make_material
from bench.systems import Material
from tests.replicas.cluster import Cluster

NODES = ("b", "c")
SECONDS = 8.0
CLIENTS = 4
"""Of a node: a service divides what it is asked at once among the standbys, and one question cannot be divided."""

_CLIENT = """
import json, sys, time
from bench.http import Connection
url, seconds, bodies = sys.argv[1], float(sys.argv[2]), [line.encode() for line in open(sys.argv[3])]
connection = Connection(url)
for body in bodies[:10]:
    connection.send("POST", "/search", body)
answers, started = 0, time.perf_counter()
while time.perf_counter() - started < seconds:
    connection.send("POST", "/search", bodies[answers % len(bodies)])
    answers += 1
used = time.process_time()
print(json.dumps({"answers": answers, "seconds": time.perf_counter() - started, "processor_seconds": used}))
"""


@contextmanager
def service_on(cluster: Cluster, core: int, names: str, folder: Path) -> Iterator[Service]:
    """Run a service on a core, that searches some standbys."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "DATABASE_"))}
    env |= {
        "PORT": str(port), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "error",
        "DATABASE_URL": cluster.dsn("abc"), "SEARCH_DATABASE_URL": cluster.dsn(names),
        "VECTOR_SEARCH_ANN_THRESHOLD": "5000",
    }  # fmt: skip
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, "/health/ready", folder / f"service-{core}.log", env, ROOT) as process:
        pin(process.pid, core)
        yield Service(url, cluster.folder / "a", process.pid)


def pin(process_id: int, core: int) -> None:
    """Pin a process with all its threads and children to a core; later children inherit it."""
    tree = [psutil.Process(process_id), *psutil.Process(process_id).children(recursive=True)]
    for process in tree:
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {core})


def postmaster(cluster: Cluster, name: str) -> int:
    """Return the process of a server."""
    pid_file = next((cluster.folder / name).rglob("postmaster.pid"))
    return int(pid_file.read_text(encoding="utf-8").split()[0])


def fill(cluster: Cluster, material: Material, folder: Path) -> None:
    """Fill the index through the primary, and wait until it has a graph and the standbys have it all."""
    with service_on(cluster, 0, "bc", folder) as service:
        service.fill(material)
    asyncio.run(cluster.caught_up())


def bodies(material: Material, *, exact: bool, folder: Path) -> Path:
    """Write questions down, one a line."""
    path = folder / ("exact.jsonl" if exact else "graph.jsonl")
    lines = (
        json.dumps({
            "index": INDEX, "embedding": to_base64(query), "limit": K, "exact": exact,
            "filters": {"access_control_list": None},
        })
        for query in material.dataset.queries
    )  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measure(cluster: Cluster, nodes: int, questions: Path, folder: Path, seconds: float) -> dict[str, float]:
    """Keep some nodes busy at once; return answers a second, and milliseconds of processor time an answer."""
    with ExitStack() as stack:
        names = "".join(NODES[:nodes])
        services = [stack.enter_context(service_on(cluster, core, names, folder)) for core in range(nodes)]
        servers = [postmaster(cluster, name) for name in names]
        for core, process_id in enumerate(servers):
            pin(process_id, core)
        for one in services:
            _await_standbys(one, nodes)
        for core, one in enumerate(services):
            _asked(core, one.url, questions, 1.0)  # opens connections, and fills caches
        trees = {
            "postgres": [each for pid in servers for each in _tree(pid)],
            "service": [each for one in services for each in _tree(one.server() or 0)],
        }
        used = {name: ProcessorTime(tree) for name, tree in trees.items()}
        said: list[dict[str, float]] = []
        asking = [
            threading.Thread(target=lambda core=core, url=one.url: said.append(_asked(core, url, questions, seconds)))
            for core, one in enumerate(services)
            for _ in range(CLIENTS)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        answers = sum(each["answers"] for each in said)
        costs = {f"{name}_ms": clock.seconds() / answers * 1e3 for name, clock in used.items()}
    client = sum(each["processor_seconds"] for each in said) / answers * 1e3
    rate = sum(each["answers"] / each["seconds"] for each in said)
    return {"per_second": rate, **costs, "client_ms": client}


def _asked(core: int, url: str, questions: Path, seconds: float) -> dict[str, float]:
    command = ["taskset", "-c", str(core), sys.executable, "-c", _CLIENT, url, str(seconds), str(questions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _await_standbys(service: Service, count: int) -> None:
    """Wait until a service searches so many standbys: until then it searches the primary."""
    while sum(service.metric("replica_usable").values()) < count:
        time.sleep(0.1)


def _tree(process_id: int) -> list[int]:
    return [process_id, *(child.pid for child in psutil.Process(process_id).children(recursive=True))]


def summed(rounds: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return median, least and greatest of each number."""
    return {
        name: [round(pick([each[name] for each in rounds]), 3) for pick in (median, min, max)] for name in rounds[0]
    }


def main() -> None:
    """Measure both settings in turn, by both kinds of searches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory(prefix="read-scaling-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        material = make_material(folder / "data", given.chunks, given.dimension)
        cluster = Cluster(folder / "cluster")
        try:
            cluster.start()
            fill(cluster, material, folder)
            kinds = {"exact": bodies(material, exact=True, folder=folder)}
            kinds["graph"] = bodies(material, exact=False, folder=folder)
            for turn in range(given.rounds):
                for kind, questions in kinds.items():
                    for nodes in (1, 2) if turn % 2 else (2, 1):
                        seen = measure(cluster, nodes, questions, folder, given.seconds)
                        found.setdefault(kind, {}).setdefault(f"{nodes} nodes", []).append(seen)
                        sys.stdout.write(f"{kind}, {nodes}: {seen}\n")
                        sys.stdout.flush()
        finally:
            cluster.stop()
    content = {
        "run": {"chunks": given.chunks, "dimension": given.dimension, "seconds": given.seconds},
        "machine": machine.describe(),
        "median_least_greatest": {
            kind: {nodes: summed(rounds) for nodes, rounds in by_nodes.items()} for kind, by_nodes in found.items()
        },
        "gain": {
            kind: summed([
                {"per_second": two["per_second"] / one["per_second"]}
                for one, two in zip(by_nodes["1 nodes"], by_nodes["2 nodes"], strict=True)
            ])["per_second"]
            for kind, by_nodes in found.items()
        },
    }  # fmt: skip
    sys.stdout.write(json.dumps(content["gain"]) + "\n")
    if given.output is not None:
        given.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
