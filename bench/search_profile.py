"""Where the service's processor time of a search goes: samples of its stack, summed up by what the code is for.

``DATA_DIR=… PORT=… vector-search serve`` starts a service on what a run of ``make bench`` has filled; then
``python -m bench.search_profile QUERIES.npy PID PORT --output FILE``. One question at a time, without a filter, as
JSON. py-spy samples from outside, so that no call is dearer for being watched; a share below a hundredth is noise.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import orjson

from bench import machine
from bench.cpu import ProcessorTime
from bench.http import Connection
from bench.selections import OPEN
from bench.service import Service

_RATE = 400
"""Samples a second."""

_PARTS = (
    ("log lines", ("structlog/", "app/observability/audit", "app/observability/logging")),
    ("metrics", ("prometheus_client/", "app/observability/metrics")),
    ("statement: driver, session, its metrics", ("asyncpg/", "app/storage/", "app/observability/")),
    ("body: reading and validating", ("pydantic/", "app/api/bodies", "app/api/schemas/", "app/api/long_lists")),
    ("answer: JSON", ("app/api/rendering",)),
    ("authorisation", ("app/api/authorisation", "app/identity/", "app/domain/callers", "app/domain/keys")),
    ("searching: planning, access, admission, ranking", ("app/services/", "app/domain/", "app/api/search")),
    ("sending: the call of the system", ("app/cli/one_write",)),
    ("HTTP and ASGI", ("uvicorn/protocols", "starlette/", "fastapi/", "app/api/")),
)
"""What code is for, by its path; a sample belongs to the innermost call that is named here."""
_LOOP = "event loop: waking, reading sockets"
_IDLE = ("epoll_wait", "select (", "poll (")


def profile(process_id: int, port: int, questions: list[bytes], seconds: int) -> dict[str, object]:
    """Sample a service that answers one question after the other."""
    connection = Connection(f"http://127.0.0.1:{port}")
    for question in questions:
        connection.send("POST", "/search", question)
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        command = ["py-spy", "record", "-p", str(process_id), "-d", str(seconds), "-r", str(_RATE), "-f", "raw"]
        sampling = subprocess.Popen([*command, "-F", "-o", str(stacks)], stdout=subprocess.DEVNULL)
        used, latencies = ProcessorTime([process_id]), list[float]()
        while sampling.poll() is None:
            began = time.perf_counter()
            connection.send("POST", "/search", questions[len(latencies) % len(questions)])
            latencies.append((time.perf_counter() - began) * 1000)
        per_answer = used.seconds() / len(latencies) * 1000
        counts = _counted(stacks.read_text(encoding="utf-8").splitlines())
    samples = sum(counts.values())
    parts = {part: round(count / samples * per_answer, 3) for part, count in counts.most_common()}
    return {
        "answers": len(latencies),
        "p50_ms": round(float(np.median(latencies)), 3),
        "service_cpu_ms": round(per_answer, 3),
        "samples": samples,
        "cpu_ms_by_part": parts,
    }


def _counted(lines: list[str]) -> Counter[str]:
    """Count samples, written as ``outermost;…;innermost count``, by part."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")[::-1]
        if not frames[0].startswith(_IDLE):
            counts[next((part for frame in frames if (part := _part(frame))), _LOOP)] += int(count)
    return counts


def _part(frame: str) -> str | None:
    return next((part for part, paths in _PARTS if any(path in frame for path in paths)), None)


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queries", type=Path)
    parser.add_argument("process_id", type=int)
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    service = Service(f"http://127.0.0.1:{given.port}", Path(), given.process_id)
    questions = [service.prepare(query, OPEN, None) for query in np.load(given.queries)]
    measured = profile(given.process_id, given.port, questions, given.seconds)
    shown = orjson.dumps({"machine": machine.describe(), **measured}, option=orjson.OPT_INDENT_2)
    sys.stdout.write(shown.decode() + "\n")
    if given.output:
        given.output.write_bytes(shown + b"\n")


if __name__ == "__main__":
    main()
