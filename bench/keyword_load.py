"""An index of very many chunks for `keyword_scale`, written as the service writes it, and what that costs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import asyncpg
import numpy as np

from app.domain.documents import Chunk, Document
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.domain.replacement import ChunkKey, ChunkState
from app.services.terms import tokeniser_for
from app.services.vocabulary import Stretches
from app.storage.chunk_rows import (
    CHUNK_COLUMNS,
    EMBEDDING_COLUMNS,
    TERMS_COLUMNS,
    chunk_rows,
    embedding_rows,
    terms_rows,
)
from app.storage.database import Database, Session
from app.text.batches import TERM_BYTES, weigh_batch
from bench.sentences import Floats, Made, Material, embed, make_chunks

CHUNKS_PER_DOCUMENT = 8
_BATCH = 5_000


@dataclass(slots=True)
class Costs:
    """Microseconds a chunk of tokenising, of writing terms with their indexes, and of their statistics."""

    tokenise: float = 0.0
    write_terms: float = 0.0
    analyse: float = 0.0


async def load(dsn: str, index: Index, material: Material, count: int) -> Costs:
    """Write documents, chunks, terms and embeddings; the graph is the service's to build."""
    costs = Costs()
    chance = np.random.default_rng(3)
    stretches = Stretches(tokeniser_for("english"))
    source = make_chunks(material, count)
    average = 0.0
    database = Database(dsn)
    await database.open()
    await _documents(dsn, index, count)
    for start in range(0, count, _BATCH):
        batch = list(islice(source, _BATCH))
        keys = _keys(start, len(batch))
        began = time.perf_counter()
        bags = [stretches.bag(made.text) for made in batch]
        average = average or float(np.mean([len(bag) // TERM_BYTES for bag in bags]))
        terms = weigh_batch(bags, average)
        costs.tokenise += time.perf_counter() - began
        stretches.trim()
        async with database.transaction() as session:
            began = time.perf_counter()
            await session.copy("chunk_terms", TERMS_COLUMNS, terms_rows(index.index_id, keys, terms))
            costs.write_terms += time.perf_counter() - began
            await _copy_chunks(session, index, keys, batch, embed(material, batch, chance))
    await database.close()
    costs.analyse = await _analyse(dsn, index, average)
    return Costs(*(seconds / count * 1e6 for seconds in (costs.tokenise, costs.write_terms, costs.analyse)))


async def _copy_chunks(
    session: Session, index: Index, keys: Sequence[ChunkKey], batch: Sequence[Made], vectors: Floats
) -> None:
    placed = [
        (key, Chunk(place, made.text, vector)) for (key, place), made, vector in zip(keys, batch, vectors, strict=True)
    ]
    untitled = Document("", "")
    states = [(key, chunk, ChunkState.of(untitled, chunk, "bench")) for key, chunk in placed]
    await session.copy("chunks", CHUNK_COLUMNS, chunk_rows(index.index_id, states))
    await session.copy("chunk_embeddings", EMBEDDING_COLUMNS, embedding_rows(index.index_id, placed))


async def _analyse(dsn: str, index: Index, average: float) -> float:
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE indexes SET average_length = $1 WHERE index_id = $2", average, index.index_id)
    began = time.perf_counter()
    await connection.execute(f"ANALYZE chunk_terms_{index.index_id}")
    seconds = time.perf_counter() - began
    await connection.execute("ANALYZE")
    await connection.close()
    return seconds


def _keys(start: int, count: int) -> list[ChunkKey]:
    return [
        (document_key(f"d{place // CHUNKS_PER_DOCUMENT}"), place % CHUNKS_PER_DOCUMENT)
        for place in range(start, start + count)
    ]


async def _documents(dsn: str, index: Index, count: int) -> None:
    names = [f"d{number}" for number in range(-(-count // CHUNKS_PER_DOCUMENT))]
    keys = [document_key(name) for name in names]
    connection = await asyncpg.connect(dsn)
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
    await connection.close()
