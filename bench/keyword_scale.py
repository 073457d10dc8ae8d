"""Keyword search at scale: its latency against vector search's, recall against exact BM25, storage and write cost.

    python -m bench.keyword_scale --data FOLDER --chunks 1000000 --output FILE COLLECTION …

Chunks are made from the sentences of collections (see `bench.sentences`; `vector-search eval` has their format). The
first run fills an embedded PostgreSQL in the folder and lets the service build its graph, which takes long; further
ones only measure. Two things are measured, all calls taking turns so that they share what the machine does besides:

- the statements themselves, in one session, by the clock and by the processor time of its backend, which a busy machine
  disturbs less: ten chunks by the HNSW graph, the 200 that a hybrid search takes from it, the keyword list of a hybrid
  search (200 chunks), and that of a keyword search, by questions of 3 to 20 terms;
- searches of the three modes through HTTP, by the same questions and by the collections' own.
"""

import argparse
import asyncio
import dataclasses
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import numpy as np
import orjson

from app import embedded
from app.domain.filters import Filters
from app.domain.indexes import Index, IndexSettings
from app.services.catalog import IndexCatalog
from app.services.interpreting import Interpreted, QueryInterpreter
from app.services.keyword import BUDGET, HYBRID_BUDGET, find_keyword
from app.services.paging import LIFTED_HEAD
from app.services.statistics import IndexStatistics
from app.storage import migrations
from app.storage.candidates import CandidateReader
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.indexes import IndexRepository
from app.storage.terms import TermsRepository
from bench import machine
from bench.http import Connection
from bench.keyword_load import load
from bench.sentences import Floats, Material, questions, read_material, real_questions
from bench.service import INDEX, Service, serving, to_base64
from bench.statistics import Times, agreement, ratios

SIZES = (3, 5, 10, 20)
EF_SEARCH = (100, 200)
HYBRID_LIST = 200
K = 10
KEYWORD_LIST = LIFTED_HEAD
_TENANT = "public"

Question = tuple[str, str, Floats]
"""Its kind, its text, and an embedding."""


async def open_index(dsn: str, dimension: int) -> tuple[Index, bool]:
    """Return the index, and whether it is new."""
    database = Database(dsn)
    await database.open()
    settings = IndexSettings(dimension, access_control=False)
    found = await IndexCatalog(database, IndexRepository(database), _TENANT).put(_TENANT, INDEX, settings)
    await database.close()
    return found


def fill(folder: Path, material: Material, chunks: int) -> dict[str, float]:
    """Fill an empty database; return what a chunk costs, and nothing where it was full."""
    with embedded.start(folder / "postgres", version=18) as server:
        migrations.upgrade(server.dsn())
        index, new = asyncio.run(open_index(server.dsn(), material.dimension))
        if not new:
            return {}
        costs = asyncio.run(load(server.dsn(), index, material, chunks))
    return {f"{name}_us_per_chunk": round(cost, 1) for name, cost in dataclasses.asdict(costs).items()}


async def storage(dsn: str, index: Index) -> float:
    """Return bytes a chunk of terms with their indexes."""
    connection = await asyncpg.connect(dsn)
    table = f"chunk_terms_{index.index_id}"
    size = await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
    count = await connection.fetchval("SELECT count(*) FROM chunk_terms WHERE index_id = $1", index.index_id)
    await connection.close()
    return float(size) / float(count)


def draw(material: Material, folders: Sequence[Path], each: int) -> list[Question]:
    """Draw questions of every length, and of the collections, in any order; embeddings are those of real ones."""
    chance = random.Random(1)
    asked = [(f"{size} terms", text) for size in SIZES for text in questions(material, size, each)]
    places = np.random.default_rng(8).choice(len(material.queries), len(asked), replace=False)
    drawn = [(kind, text, material.queries[place]) for (kind, text), place in zip(asked, places, strict=True)]
    drawn += [("real", text, embedding) for text, embedding in real_questions(folders, each)]
    chance.shuffle(drawn)
    return drawn


async def statements(
    dsn: str, index: Index, drawn: Sequence[Question], compared: int
) -> tuple[Times, Times, dict[str, dict[str, float]]]:
    """Time the statements by the clock and by the processor, and hold the lists against exact ones."""
    database = Database(dsn)
    await database.open()
    terms = TermsRepository(database)
    interpreter = QueryInterpreter(IndexStatistics(terms), terms)
    asked = [(kind, await interpreter.interpret(index, text), vector) for kind, text, vector in drawn]
    clock: Times = {}
    processor: Times = {}
    async with database.session("search") as session, session.snapshot():
        backend = await session._connection.fetchval("SELECT pg_backend_pid()")  # noqa: SLF001  nobody else asks
        reader = CandidateReader(session, index, filter_values(Filters(), None))
        for turn in range(3):  # the first is for the caches
            for kind, query, vector in asked:
                for name, call in _calls(reader, index, kind, query, vector).items():
                    began, used = perf_counter(), _processor_ms(backend)
                    await call()
                    if turn:
                        clock.setdefault(name, []).append((perf_counter() - began) * 1e3)
                        processor.setdefault(name, []).append(_processor_ms(backend) - used)
        found = await _recall(reader, index, asked, compared)
    await database.close()
    return clock, processor, found


def _calls(
    reader: CandidateReader, index: Index, kind: str, query: Interpreted, vector: Floats
) -> dict[str, Callable[[], Awaitable[object]]]:
    first = {f"vector, first {K} at {ef}": partial(reader.nearest_ann, vector, K, ef, ef) for ef in EF_SEARCH}
    return {
        **first,
        f"vector, first {HYBRID_LIST}": partial(reader.nearest_ann, vector, HYBRID_LIST, 2 * HYBRID_LIST, 400),
        f"hybrid's keyword list, {kind}": partial(_hybrid_list, reader, index, query),
        f"keyword list, {kind}": partial(_keyword_list, reader, index, query),
    }


def _processor_ms(process_id: int) -> float:
    """Return how long a process has run, whatever ran beside it (Linux)."""
    return int(Path(f"/proc/{process_id}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6


async def _hybrid_list(reader: CandidateReader, index: Index, query: Interpreted) -> list[float]:
    found = await find_keyword(reader, index, query, HYBRID_LIST, 1.0, budget=HYBRID_BUDGET)
    return [row["bm25"] for row in found.rows]


async def _keyword_list(
    reader: CandidateReader, index: Index, query: Interpreted, limit: int = KEYWORD_LIST
) -> list[float]:
    found = await find_keyword(reader, index, query, limit, 1.0, budget=BUDGET)
    return [row["bm25"] for row in found.rows]


async def _recall(
    reader: CandidateReader, index: Index, asked: Sequence[tuple[str, Interpreted, Floats]], each: int
) -> dict[str, dict[str, float]]:
    """Return recall of all lists by the kind of question, ties counted as found."""
    found: dict[str, list[float]] = {}
    for kind in dict.fromkeys(kind for kind, _, _ in asked):
        for query, vector in [(query, vector) for other, query, vector in asked if other == kind][:each]:
            exact = [row["bm25"] for row in await reader.keyword_exact(query.vector, 100)]
            lists = {
                "hybrid": await _hybrid_list(reader, index, query),
                "keyword": await _keyword_list(reader, index, query, 100),
            }
            for name, scores in lists.items():
                for k in (10, 100):
                    found.setdefault(f"{kind}, {name}, recall@{k}", []).append(agreement(scores, exact, k))
            near = [-row["distance"] for row in await reader.nearest_exact(vector, K)]
            for ef in EF_SEARCH:
                scores = [-row["distance"] for row in await reader.nearest_ann(vector, K, ef, ef)]
                found.setdefault(f"vector at {ef}, recall@{K}", []).append(agreement(scores, near, K))
    return {name: {"mean": round(float(np.mean(values)), 4), "least": min(values)} for name, values in found.items()}


def searches(service: Service, drawn: Sequence[Question]) -> Times:
    """Time searches through HTTP."""
    connection = Connection(service.url)
    times: Times = {}
    for turn in range(3):
        for kind, text, vector in drawn:
            sent = to_base64(vector)
            bodies = {
                "semantic": {"embedding": sent},
                f"hybrid, {kind}": {"query": text, "embedding": sent},
                f"keyword, {kind}": {"query": text, "mode": "keyword"},
            }
            for name, body in bodies.items():
                content = orjson.dumps({"index": INDEX, "limit": 10, **body})
                began = perf_counter()
                connection.send("POST", "/search", content)
                if turn:
                    times.setdefault(name, []).append((perf_counter() - began) * 1e3)
    return times


def show(title: str, table: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table."""
    print(f"\n{title}")
    for name, row in table.items():
        print(f"  {name:36}", "  ".join(f"{column} {value:9.3f}" for column, value in row.items()))


def main() -> None:
    """Fill if need be, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the database, made when it is not there")
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=30, help="of each kind")
    parser.add_argument("--recall", type=int, default=20, help="of each kind, held against a scan of every chunk")
    parser.add_argument("--fill-only", action="store_true")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    material = read_material(given.folders)
    report: dict[str, Any] = {"machine": machine.describe(), "chunks": given.chunks, "dimension": material.dimension}
    report["written"] = fill(given.data, material, given.chunks)
    print(report["written"])
    with serving(given.data) as service:
        if not service.wait_for_graph():
            raise SystemExit("the index is too small for a graph")
    if given.fill_only:
        return
    drawn = draw(material, given.folders, given.questions)
    with embedded.start(given.data / "postgres", version=18) as server:  # no service: nothing else is at work
        index, _ = asyncio.run(open_index(server.dsn(), material.dimension))
        report["bytes_per_chunk"] = round(asyncio.run(storage(server.dsn(), index)))
        clock, processor, report["recall"] = asyncio.run(statements(server.dsn(), index, drawn, given.recall))
        report["statements"] = ratios(clock, f"vector, first {K} at {EF_SEARCH[0]}")
        report["statements by processor time"] = ratios(processor, f"vector, first {K} at {EF_SEARCH[0]}")
    with serving(given.data) as service:
        report["http"] = ratios(searches(service, drawn), "semantic")
    print(f"{report['bytes_per_chunk']} bytes a chunk in chunk_terms with its indexes")
    for title in ("statements", "statements by processor time", "http", "recall"):
        show(title, report[title])
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
