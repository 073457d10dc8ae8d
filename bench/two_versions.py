"""Two running versions of the service, asked the same questions in turn: latency and processor time of each.

What a change of some hundredths does is lost between two runs, on a busy machine between two minutes. Here blocks of
ten questions alternate between both, which stand on one database, and low percentiles of the blocks are compared: what
else the machine does adds to a block, and takes nothing from it.

``DATA_DIR=… PORT=… vector-search serve`` starts either, from its own working copy and with the same DATA_DIR, which a
run of ``make bench`` has filled; then ``python -m bench.two_versions QUERIES.npy PID:PORT PID:PORT``.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.cpu import ProcessorTime
from bench.http import Connection
from bench.selections import OPEN
from bench.service import Service

BLOCKS = 250
_BLOCK = 10
_WARM_UP = 200
_PAUSE = 0.001
"""Seconds for what is done after an answer."""
_PERCENTILES = (10, 25, 50)


class Version(NamedTuple):
    """A service, and what was measured of it, in ms."""

    service: Service
    process_id: int
    latencies: list[float]
    processor: list[float]


def measure(versions: Sequence[Version], queries: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    """Ask blocks of questions in turn."""
    questions = [versions[0].service.prepare(query, OPEN, None) for query in queries]
    connections = [Connection(version.service.url) for version in versions]
    for connection in connections:
        for number in range(_WARM_UP):
            connection.send("POST", "/search", questions[number % len(questions)])
    for block in range(BLOCKS):
        for version, connection in list(zip(versions, connections, strict=True))[:: 1 if block % 2 else -1]:
            connection.send("POST", "/search", questions[block % len(questions)])
            time.sleep(_PAUSE)
            used = ProcessorTime([version.process_id])
            for number in range(_BLOCK):
                began = time.perf_counter()
                connection.send("POST", "/search", questions[(block * _BLOCK + number) % len(questions)])
                version.latencies.append((time.perf_counter() - began) * 1000)
            time.sleep(_PAUSE)
            version.processor.append(used.seconds() / _BLOCK * 1000)


def main() -> None:
    """Measure and print, with embeddings as arrays and as base64."""
    queries = np.load(Path(sys.argv[1]))
    for encode in (False, True):
        versions = []
        for place in sys.argv[2:]:
            process_id, port = map(int, place.split(":"))
            service = Service(f"http://127.0.0.1:{port}", Path(), process_id, encode=encode)
            versions.append(Version(service, process_id, [], []))
        measure(versions, queries)
        for version in versions:
            shown = [
                f"{what} {np.round(np.percentile(numbers, _PERCENTILES), 3)}"
                for what, numbers in (("latency ms", version.latencies), ("processor ms", version.processor))
            ]
            sys.stdout.write(f"{version.service.name} {version.service.url}: {', '.join(shown)}\n")


if __name__ == "__main__":
    main()
