"""How fast documents are indexed, and what a chunk costs whom: one or several processes, with a graph and without.

    python -m bench.ingest_throughput --chunks 50000 --workers 1 2 --output FILE

Documents of ten chunks come over HTTP on four connections, embeddings as base64; PostgreSQL is the embedded one and
durable. The client, the service and PostgreSQL share the machine. Beside it: the bare COPY of the same texts and
embeddings.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import asyncpg
import psutil

from bench import machine
from bench.cpu import ProcessorTime
from bench.dataset import CHUNKS_PER_DOCUMENT
from bench.processes import postgres_processes
from bench.service import INDEX, Service, serving
from bench.setting import make_material
from bench.suites.indexing import copied_per_second
from bench.systems import Material

_NO_GRAPH = {"VECTOR_SEARCH_ANN_THRESHOLD": "1000000000"}
_WARM = 200
"""Documents that are sent before the clock starts: connections are open and statements planned."""

_LIVE = 200
"""Documents that are added to a graph."""

_TABLES = ("documents", "title_embeddings", "chunks", "chunk_embeddings", "chunk_segments", "chunk_terms")


def loaded(material: Material, folder: Path, workers: int, python: str) -> dict[str, object]:
    """Load everything without a graph, and then the first tenth again."""
    with serving(folder, python=python, settings=_NO_GRAPH | {"VECTOR_SEARCH_WORKERS": str(workers)}) as service:
        documents = range(material.dataset.documents)
        _make_index(service, material)
        service.post(INDEX, material, documents[:_WARM], id_prefix="warm-")
        pids = {"service": _tree(service.server()), "postgres": postgres_processes(service.data_dir)}
        used = {name: ProcessorTime(found) for name, found in pids.items()}
        seconds = service.post(INDEX, material, documents)
        spent = {name: clock.seconds() for name, clock in used.items()}
        chunks = len(documents) * CHUNKS_PER_DOCUMENT
        again = documents[: len(documents) // 10]
        before = asyncio.run(_asked(service.dsn, "SELECT pg_current_xact_id()::text::bigint"))
        repeated = service.post(INDEX, material, again)
        return {
            "workers": workers,
            "chunks_per_second": round(chunks / seconds),
            **{f"{name}_cpu_us_per_chunk": round(1e6 * each / chunks) for name, each in spent.items()},
            "unchanged_chunks_per_second": round(len(again) * CHUNKS_PER_DOCUMENT / repeated),
            "unchanged_rows_written": sum(_written_since(service.dsn, table, before) for table in _TABLES),
            "bare_copy_per_second": round(copied_per_second(service.dsn, material.dataset, again)),
        }


def with_graph(material: Material, folder: Path, python: str) -> dict[str, object]:
    """Add documents to an index with a graph."""
    with serving(folder, python=python) as service:
        _make_index(service, material)
        service.post(INDEX, material, range(material.dataset.documents))
        service.wait_for_graph()
        pids = postgres_processes(service.data_dir)
        used = ProcessorTime(pids)
        seconds = service.post(INDEX, material, range(_LIVE), id_prefix="live-")
        chunks = _LIVE * CHUNKS_PER_DOCUMENT
        return {
            "graph": service.index()["ann"]["state"],
            "chunks_before": material.dataset.recipe.size,
            "chunks_per_second": round(chunks / seconds),
            "postgres_cpu_us_per_chunk": round(1e6 * used.seconds() / chunks),
        }


def _make_index(service: Service, material: Material) -> None:
    dimension = material.dataset.recipe.dimension
    service.control.call("PUT", f"/indexes/{INDEX}", {"embedding_dimension": dimension, "access_control": True})


def _tree(process_id: int) -> list[int]:
    return [process_id, *(child.pid for child in psutil.Process(process_id).children(recursive=True))]


def _written_since(dsn: str, table: str, transaction: int) -> int:
    """Count the rows of a table that a transaction or a later one wrote."""
    text = f"SELECT count(*) FROM {table} WHERE xmin::text::bigint >= {transaction}"  # noqa: S608  a name of ours
    return asyncio.run(_asked(dsn, text))


async def _asked(dsn: str, text: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(text))
    finally:
        await connection.close()


def main() -> None:
    """Measure with each number of processes, and with a graph."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--graph", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the service")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    measured: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="ingest-bench-") as name:
        material = make_material(Path(name) / "data", arguments.chunks, arguments.dimension)
        Path(name).chmod(0o755)
        for workers in arguments.workers:
            folder = Path(name) / f"with-{workers}"
            folder.mkdir()
            measured.append(loaded(material, folder, workers, arguments.python))
            print(json.dumps(measured[-1], indent=1), flush=True)
        if arguments.graph:
            folder = Path(name) / "graph"
            folder.mkdir()
            measured.append(with_graph(material, folder, arguments.python))
            print(json.dumps(measured[-1], indent=1), flush=True)
    if arguments.output is not None:
        head = {
            "chunks": arguments.chunks,
            "dimension": arguments.dimension,
            "service_python": machine.interpreter(arguments.python),
        }
        content = {"run": head, "machine": machine.describe(), "ingests": measured}
        arguments.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
