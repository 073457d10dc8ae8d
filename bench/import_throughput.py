"""How fast, and in how much memory, an import fills an index from Vespa's visits.

    python -m bench.import_throughput --chunks 200000 --dimension 768 --page-size 50 500 5000 --output FILE

Rows are made beforehand and served by a process that only copies them (see bench/vespa_pages.py); PostgreSQL is the
embedded one, durable. Memory is that of the command with all processes it starts, shared pages divided (PSS).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
from typing_extensions import override

from app import embedded
from app.storage import migrations
from bench import machine
from bench.processes import postgres_processes, resident_megabytes
from bench.vespa_pages import SCHEMA, serving, write_rows

ROOT = Path(__file__).resolve().parents[1]
_MEMORY_EVERY = 0.5


class PeakMemory(threading.Thread):
    """Follows the memory of a process and its children in megabytes; ``found`` is the most there was."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.found = 0.0

    @override
    def run(self) -> None:
        """Look now and then, until the process is gone."""
        with suppress(psutil.Error):
            while self._process.status() != psutil.STATUS_ZOMBIE:
                tree = [self._process, *self._process.children(recursive=True)]
                self.found = max(self.found, sum(map(_megabytes, tree)))
                time.sleep(_MEMORY_EVERY)


def _megabytes(process: psutil.Process) -> float:
    try:
        return resident_megabytes(process.pid)
    except psutil.Error:
        return 0.0


def _postgres_seconds(data_dir: Path) -> float:
    """Return the processor time of a PostgreSQL: its processes that are, and those that ended."""
    total = 0.0
    for place, pid in enumerate(postgres_processes(data_dir)):
        with suppress(psutil.Error):
            used = psutil.Process(pid).cpu_times()
            total += used.user + used.system
            if place == 0:
                total += used.children_user + used.children_system
    return total


def measure(arguments: argparse.Namespace, page_size: int, folder: Path, url: str) -> dict[str, object]:
    """Run one import and say how it went."""
    with embedded.start(folder / f"postgres-{page_size}", version=18) as server:
        migrations.upgrade(server.dsn())
        environment = os.environ | {"DATABASE_URL": server.dsn(), "LOG_LEVEL": "warning", "PYTHONPATH": str(ROOT)}
        command = [
            *arguments.under.split(), sys.executable, "-c", "from app.cli import main; main()", "import-vespa", url,
            "--index", SCHEMA, "--dimension", str(arguments.dimension), "--page-size", str(page_size),
            "--slices", str(arguments.slices), "--json", *([] if arguments.graph else ["--no-graph"]),
        ]  # fmt: skip
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=folder)
        memory = PeakMemory(process.pid)
        memory.start()
        last, loaded, postgres = {}, 0.0, 0.0
        for line in process.stdout or ():
            last = json.loads(line)
            if last["event"] == "progress":
                print(f"{last['rows']:>9} rows, {last['rows_per_second']:.0f}/s", file=sys.stderr)
            if last["event"] == "loaded":
                loaded, postgres = time.perf_counter() - started, _postgres_seconds(folder / f"postgres-{page_size}")
        _, status, used = os.wait4(process.pid, 0)
        whole = time.perf_counter() - started
    rows = last["rows"]
    if status or rows != arguments.chunks:
        raise SystemExit(f"the import ended with {status} after {rows} rows")
    return {
        "page_size": page_size,
        "load_seconds": round(loaded, 1),
        "load_chunks_per_second": round(rows / loaded),
        "graph_seconds": round(whole - loaded, 1),
        "graph": last["graph"],
        "whole_chunks_per_second": round(rows / whole),
        "importer_cpu_ms_per_chunk": round(1000 * (used.ru_utime + used.ru_stime) / rows, 3),
        "postgres_cpu_ms_per_chunk": round(1000 * postgres / rows, 3),
        "peak_memory_mb": round(memory.found),
    }


def main() -> None:
    """Make rows, serve them, and import them once for each size of pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--page-size", type=int, nargs="+", default=[500])
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--in-order", action="store_true", help="chunks of a document one after another")
    parser.add_argument("--graph", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--under", default="", help="a command that runs the import, such as a profiler")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    measured = []
    with tempfile.TemporaryDirectory(prefix="import-bench-") as name:
        folder = Path(name)
        rows = write_rows(folder / "rows.json", arguments.chunks, arguments.dimension, scattered=not arguments.in_order)
        for page_size in arguments.page_size:
            with serving(rows) as (url, served):
                result = measure(arguments, page_size, folder, url)
            measured.append(result | {"stand_in_cpu_ms_per_chunk": round(1000 * served[0] / arguments.chunks, 3)})
            print(json.dumps(measured[-1], indent=1))
    if arguments.output is not None:
        head = {name: getattr(arguments, name) for name in ("chunks", "dimension", "slices", "in_order")}
        content = {"run": head, "machine": machine.describe(), "imports": measured}
        arguments.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
