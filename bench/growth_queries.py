"""Asking the indexes of `bench.growth` in turn: their statements at several efforts, and searches through HTTP."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from app import embedded
from app.domain.filters import Filters
from app.domain.indexes import Index
from app.domain.planning import LARGEST_EF
from app.domain.quantisation import Quantisation
from app.storage.candidates import CandidateReader
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.nearest import Rows
from bench.dataset import Dataset, Floats, Ints
from bench.growth_graphs import find
from bench.selections import K, recall
from bench.service import Service, chunk_of

EFFORTS: dict[Quantisation, tuple[int, ...]] = {"none": (40, 64, 100, 200, 400), "bit": (100, 200, 400, 800, 1600)}
"""Values of ef_search, and numbers of reranked chunks."""

_BLOCK = 100_000
Numbers = dict[str, float]


def truth(dataset: Dataset, size: int, queries: Sequence[int]) -> Ints:
    """Return the chunks nearest to queries among the first ones, shape (queries, K), by numpy in single precision."""
    asked = dataset.queries[list(queries)]
    best = np.empty((len(asked), 0), np.int64)
    scores = np.empty((len(asked), 0), np.float32)
    for start in range(0, size, _BLOCK):
        end = min(start + _BLOCK, size)
        found = asked @ np.asarray(dataset.vectors[start:end]).T
        best = np.concatenate([best, np.broadcast_to(np.arange(start, end), found.shape)], axis=1)
        scores = np.concatenate([scores, found], axis=1)
        kept = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        best, scores = np.take_along_axis(best, kept, axis=1), np.take_along_axis(scores, kept, axis=1)
    return best


def statements(
    folder: Path, dataset: Dataset, names: dict[int, str], graph: Quantisation, queries: Sequence[int]
) -> dict[int, dict[int, Numbers]]:
    """Measure the statement of a graph by size and effort; every effort of every size answers each query in turn."""
    with embedded.start(folder / "postgres", version=18) as server:
        return asyncio.run(_statements(server.dsn(), dataset, names, graph, queries))


async def _statements(
    dsn: str, dataset: Dataset, names: dict[int, str], graph: Quantisation, queries: Sequence[int]
) -> dict[int, dict[int, Numbers]]:
    database = Database(dsn)
    await database.open()
    exact = {size: truth(dataset, size, queries) for size in names}
    times: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    try:
        indexes = dict(zip(names, await find(database, list(names.values())), strict=True))
        async with database.session("search") as session, session.snapshot():
            backend = await session._connection.fetchval("SELECT pg_backend_pid()")  # noqa: SLF001  nobody else asks
            readers = {
                size: CandidateReader(session, index, filter_values(Filters(), None)) for size, index in indexes.items()
            }
            cells = [(size, effort) for size in names for effort in EFFORTS[graph]]
            chance = np.random.default_rng(5)
            for turn in range(2):  # the first is for the caches
                for place, query in enumerate(queries):
                    for cell in chance.permutation(len(cells)):
                        size, effort = cells[cell]
                        used, began = _processor_ms(backend), perf_counter()
                        rows = await _ask(readers[size], graph, dataset.queries[query], effort)
                        took = (perf_counter() - began) * 1e3
                        found = [chunk_of(row["document_id"], row["chunk_index"]) for row in rows]
                        if turn:
                            share = recall(found, exact[size][place])
                            times.setdefault((size, effort), []).append((took, _processor_ms(backend) - used, share))
    finally:
        await database.close()
    found_by: dict[int, dict[int, Numbers]] = {}
    for (size, effort), seen in times.items():
        found_by.setdefault(size, {})[effort] = _summed(*(np.array(column) for column in zip(*seen, strict=True)))
    return found_by


async def _ask(reader: CandidateReader, graph: Quantisation, query: Floats, effort: int) -> Rows:
    if graph == "bit":
        return await reader.nearest_bit_ann(query, K, K, effort, min(effort, LARGEST_EF))
    return await reader.nearest_ann(query, K, K, effort)


def searches(service: Service, dataset: Dataset, names: dict[int, str], queries: Sequence[int]) -> dict[int, Numbers]:
    """Measure searches through HTTP by size, as the planner answers them; every size answers each query in turn."""
    ask, chance = service.session(), np.random.default_rng(6)
    sizes = list(names)
    exact = {size: truth(dataset, size, queries) for size in sizes}
    times: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for turn in range(2):
        for place, query in enumerate(queries):
            for each in chance.permutation(len(sizes)):
                size = sizes[each]
                body = service.question(dataset.queries[query], {"access_control_list": None}, names[size])
                began = perf_counter()
                answer = ask(body)
                took = (perf_counter() - began) * 1e3
                if turn:
                    times[size].append((took, recall(service.read(answer), exact[size][place])))
    found = {}
    for size, seen in times.items():
        taken, recalls = (np.array(column) for column in zip(*seen, strict=True))
        found[size] = _summed(taken, None, recalls)
    return found


def _summed(took: np.ndarray, used: np.ndarray | None, recalls: np.ndarray) -> Numbers:
    p50, p95 = np.percentile(took, [50, 95])
    numbers = {"p50_ms": p50, "p95_ms": p95, "recall": recalls.mean(), "answers": float(len(took))}
    if used is not None:
        numbers |= {"processor_ms": used.mean(), "processor_p95_ms": np.percentile(used, 95)}
    return {name: round(float(number), 4) for name, number in numbers.items()}


def _processor_ms(process_id: int) -> float:
    """Return how long a process has run, whatever ran beside it (Linux)."""
    return int(Path(f"/proc/{process_id}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6


async def sizes_on_disk(dsn: str, names: dict[int, str]) -> dict[int, dict[str, int]]:
    """Return the bytes of each part of the indexes."""
    database = Database(dsn)
    await database.open()
    try:
        return {
            size: await _parts(database, index)
            for size, index in zip(names, await find(database, list(names.values())), strict=True)
        }
    finally:
        await database.close()


async def _parts(database: Database, index: Index) -> dict[str, int]:
    tables = ("chunk_embeddings", "chunk_segments", "chunk_terms", "chunks", "documents")
    async with database.session("search") as session:
        ask = session._connection.fetchval  # noqa: SLF001  sizes are no statement of the service
        parts = {
            table: await ask("SELECT pg_total_relation_size($1::text::regclass)", f"{table}_{index.index_id}")
            for table in tables
        }
        for name, graph in (("graph", "hnsw"), ("bit_graph", "bit_hnsw")):
            found = await ask("SELECT pg_relation_size(to_regclass($1))", f"chunk_embeddings_{graph}_{index.index_id}")
            parts[name] = found or 0
            parts["chunk_embeddings"] -= found or 0
    return parts
