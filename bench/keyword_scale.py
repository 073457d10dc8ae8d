"""Keyword search at scale: latency against vector search, storage and write cost, recall against exact BM25.

Chunks are made from real sentences of collections (see `vector-search eval` for their format): groups of
consecutive sentences of several texts are put together, with some new words, until a chunk is about as long
as Onyx's. Repetition of sentences makes conjunctions easier than in natural text; judge by ratios.

    python bench/keyword_scale.py --dsn postgresql://… --chunks 1000000 FOLDER …

The database must be migrated and is filled; give it one of its own. With ``--graph N`` an HNSW graph over the
first N random embeddings is the yardstick.
"""

import argparse
import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import numpy as np

from app.domain.documents import Chunk
from app.domain.filters import Filters
from app.domain.indexes import Index, IndexSettings
from app.domain.keys import document_key
from app.domain.replacement import ChunkKey
from app.services.catalog import IndexCatalog
from app.services.interpreting import QueryInterpreter
from app.services.keyword import BUDGET, HYBRID_BUDGET, find_keyword
from app.services.statistics import IndexStatistics
from app.services.terms import tokeniser_for
from app.services.vocabulary import Stretches
from app.storage.candidates import CandidateReader
from app.storage.chunk_rows import EMBEDDING_COLUMNS, TERMS_COLUMNS, embedding_rows, terms_rows
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.indexes import IndexRepository
from app.storage.terms import TermsRepository
from app.text.batches import TERM_BYTES, weigh_batch

if TYPE_CHECKING:
    from uuid import UUID

DIMENSION = 384
CHUNKS_PER_DOCUMENT = 8
CHARACTERS = 850
BATCH = 5_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def sentences(folders: list[Path]) -> list[list[str]]:
    """Return the sentences of each text."""
    texts = []
    for folder in folders:
        for line in (folder / "docs.jsonl").read_text(encoding="utf-8").split("\n"):
            if line.strip():
                document = json.loads(line)
                parts = [part for part in _SENTENCE.split(document["content"]) if 20 < len(part) < 400]
                if parts:
                    texts.append(parts)
    return texts


def chunks(texts: list[list[str]], count: int, chance: random.Random) -> Iterator[str]:
    """Recombine sentences, with a new word, by Zipf's law, for about every twentieth."""
    for _ in range(count):
        parts: list[str] = []
        while sum(map(len, parts)) < CHARACTERS:
            text = chance.choice(texts)
            start = chance.randrange(len(text))
            parts += text[start : start + chance.randint(1, 3)]
        words = " ".join(parts)[: CHARACTERS + 60].split(" ")
        for place in range(0, len(words), 20):
            words[place] = f"zq{int(chance.paretovariate(0.8)) % 10_000_000}x"
        yield " ".join(words)


async def fill(dsn: str, index: Index, texts: list[list[str]], count: int) -> dict[str, float]:
    """Write documents and terms; return microseconds per chunk."""
    chance = random.Random(7)
    connection = await asyncpg.connect(dsn)
    spent = {"tokenise": 0.0, "write": 0.0}
    database = Database(dsn)
    await database.open()
    average = 0.0
    stretches = Stretches(tokeniser_for("english"))
    source = chunks(texts, count, chance)
    for start in range(0, count, BATCH):
        batch = [next(source) for _ in range(min(BATCH, count - start))]
        began = time.perf_counter()
        bags = [stretches.bag(text) for text in batch]
        average = average or float(np.mean([len(bag) // TERM_BYTES for bag in bags]))
        terms = weigh_batch(bags, average)
        written = time.perf_counter()
        async with database.transaction() as session:
            await session.copy(
                "chunk_terms", TERMS_COLUMNS, terms_rows(index.index_id, _keys(start, len(batch)), terms)
            )
        spent["tokenise"] += written - began
        spent["write"] += time.perf_counter() - written
    names = [f"d{number}" for number in range(-(-count // CHUNKS_PER_DOCUMENT))]
    await _documents(connection, index, names)
    await connection.execute("UPDATE indexes SET average_length = $1 WHERE index_id = $2", average, index.index_id)
    began = time.perf_counter()
    await connection.execute(f"ANALYZE chunk_terms_{index.index_id}")
    spent["analyse"] = time.perf_counter() - began
    await connection.execute(f"ANALYZE documents_{index.index_id}")
    await connection.close()
    await database.close()
    return {name: seconds / count * 1e6 for name, seconds in spent.items()}


def _keys(start: int, count: int) -> list[ChunkKey]:
    return [
        (document_key(f"d{place // CHUNKS_PER_DOCUMENT}"), place % CHUNKS_PER_DOCUMENT)
        for place in range(start, start + count)
    ]


async def _documents(connection: asyncpg.Connection, index: Index, names: list[str]) -> None:
    keys: list[UUID] = [document_key(name) for name in names]
    await connection.execute(
        "INSERT INTO acl_sets VALUES ($1, 0, $2, true, '{}') ON CONFLICT DO NOTHING", index.index_id, keys[0]
    )
    await connection.execute(
        "INSERT INTO documents (index_id, document_key, document_id, acl_id, boost, chunk_count, hidden, document_sets,"
        " tags, hierarchy_node_ids, project_ids, persona_ids, written_by, revision, semantic_identifier, metadata)"
        " SELECT $1, n.key, n.name, 0, 0, $4, false, '{}', '{}', '{}', '{}', '{}', 'index', 1, n.name, '{}'"
        " FROM unnest($2::uuid[], $3::text[]) AS n(key, name)",
        index.index_id, keys, names, CHUNKS_PER_DOCUMENT,
    )  # fmt: skip


async def graph(dsn: str, index: Index, count: int) -> None:
    """Write random embeddings and build a graph over them."""
    chance = np.random.default_rng(3)
    database = Database(dsn)
    await database.open()
    for start in range(0, count, BATCH):
        vectors = chance.normal(0, 1, (min(BATCH, count - start), DIMENSION)).astype(np.float16)
        placed = [
            (key, Chunk(chunk_index, "", vector))
            for (key, chunk_index), vector in zip(_keys(start, len(vectors)), vectors, strict=True)
        ]
        async with database.transaction() as session:
            await session.copy("chunk_embeddings", EMBEDDING_COLUMNS, embedding_rows(index.index_id, placed))
    await database.close()
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        f"CREATE INDEX ON chunk_embeddings_{index.index_id} USING hnsw"
        f" ((embedding::halfvec({DIMENSION})) halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)"
    )
    await connection.close()


def questions(texts: list[list[str]], terms: int, count: int) -> list[str]:
    """Take that many different terms of a text each."""
    chance = random.Random(99 + terms)
    tokeniser = tokeniser_for("english")
    found: list[str] = []
    while len(found) < count:
        text = " ".join(chance.choice(texts)[:8])
        words = list(dict.fromkeys(token.surface for token in tokeniser.tokens(text) if not token.stop and token.step))
        if len(words) >= terms:
            found.append(" ".join(chance.sample(words, terms)))
    return found


async def timed(calls: list[Callable[[], Awaitable[object]]]) -> tuple[float, float]:
    """Run calls twice, the second time for the clock; return p50 and p95 in milliseconds."""
    taken = []
    for turn in range(2):
        for call in calls:
            began = time.perf_counter()
            await call()
            if turn:
                taken.append((time.perf_counter() - began) * 1e3)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 95))


def agreement(found: list[float], exact: list[float], k: int) -> float:
    """Return which share of the exact scores was reached, ties counted as found."""
    if not exact:
        return 1.0
    edge = exact[:k][-1] - 1e-6
    return sum(score >= edge for score in found[:k]) / len(exact[:k])


async def measure(dsn: str, index: Index, texts: list[list[str]], count: int, *, yardstick: bool) -> None:
    """Print the table."""
    database = Database(dsn)
    await database.open()
    terms = TermsRepository(database)
    interpreter = QueryInterpreter(IndexStatistics(terms), terms)
    values = filter_values(Filters(), None)
    async with database.session("search") as session, session.snapshot():
        reader = CandidateReader(session, index, values)
        if yardstick:
            chance = np.random.default_rng(8)
            vectors = chance.normal(0, 1, (50, DIMENSION)).astype(np.float32)
            p50, p95 = await timed([partial(reader.nearest_ann, v, 10, 100, 100) for v in vectors])
            print(f"vector search (ef_search 100)      p50 {p50:7.1f} ms   p95 {p95:7.1f} ms")
        for size in (3, 5, 10, 20):
            queries = [await interpreter.interpret(index, text) for text in questions(texts, size, count)]
            exact = [[row["bm25"] for row in await reader.keyword_exact(query.vector, 100)] for query in queries[:20]]
            for budget, limit in ((HYBRID_BUDGET, 200), (BUDGET, 100)):
                found = [await find_keyword(reader, index, q, limit, 1.0, budget=budget) for q in queries]
                scores = [[row["bm25"] for row in one.rows] for one in found]
                ten, hundred = (
                    np.mean([agreement(s, e, k) for s, e in zip(scores, exact, strict=False)]) for k in (10, 100)
                )
                p50, p95 = await timed(
                    [partial(find_keyword, reader, index, q, limit, 1.0, budget=budget) for q in queries]
                )
                proven = np.mean([one.exact for one in found])
                print(
                    f"{size:2} terms, budget {budget:5}, first {limit:3}  p50 {p50:7.1f} ms   p95 {p95:7.1f} ms"
                    f"   recall@10 {ten:.3f}   recall@100 {hundred:.3f}   proven {proven:.0%}"
                )
    await database.close()


async def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--graph", type=int, default=0)
    given = parser.parse_args()
    texts = sentences(given.folders)
    database = Database(given.dsn)
    await database.open()
    catalog = IndexCatalog(database, IndexRepository(database), "bench")
    index, new = await catalog.put("public", "bench", IndexSettings(DIMENSION, access_control=False))
    await database.close()
    connection = await asyncpg.connect(given.dsn)
    if new:
        costs = await fill(given.dsn, index, texts, given.chunks)
        print("  ".join(f"{name} {cost:.0f} µs/chunk" for name, cost in costs.items()))
        if given.graph:
            await graph(given.dsn, index, given.graph)
    size = await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", f"chunk_terms_{index.index_id}")
    await connection.close()
    print(f"{given.chunks} chunks, {size / given.chunks:.0f} bytes each in chunk_terms with its indexes")
    await measure(given.dsn, index, texts, given.queries, yardstick=bool(given.graph))


if __name__ == "__main__":
    asyncio.run(main())
