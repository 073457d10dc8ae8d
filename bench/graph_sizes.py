"""Bytes per million chunks of embeddings, segments and graphs, by dimension: full and bit-quantised (docs/scaling.md).

    python -m bench.graph_sizes --dimensions 768 1536 3072 --output FILE

Sizes follow from the pages that rows and graph elements fill, not from what the numbers are: random embeddings of a few
thousand chunks tell them.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app import embedded
from app.domain.documents import Chunk
from app.domain.indexes import Index, IndexSettings
from app.domain.keys import document_key
from app.domain.quantisation import QUANTISATIONS
from app.services.catalog import IndexCatalog
from app.services.maintenance import MaintenanceOptions
from app.storage import migrations
from app.storage.chunk_rows import EMBEDDING_COLUMNS, embedding_rows
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository

_SEGMENT_CHUNKS = 5
_BATCH = 500


async def measure(dsn: str, dimensions: Sequence[int], chunks: int) -> dict[int, dict[str, int]]:
    """Return bytes per million chunks of every part by dimension."""
    database = Database(dsn)
    await database.open()
    try:
        return {dimension: await _measure(database, dimension, chunks) for dimension in dimensions}
    finally:
        await database.close()


async def _measure(database: Database, dimension: int, chunks: int) -> dict[str, int]:
    catalog = IndexCatalog(database, IndexRepository(database), "documents")
    index, _ = await catalog.put("public", f"sizes-{dimension}", IndexSettings(dimension))
    chance = np.random.default_rng(2)
    for start in range(0, chunks, _BATCH):
        async with database.transaction() as session:
            placed = [
                (document_key(f"document {start + n}"), Chunk(0, "", chance.standard_normal(dimension, np.float32)))
                for n in range(_BATCH)
            ]
            await session.copy("chunk_embeddings", EMBEDDING_COLUMNS, embedding_rows(index.index_id, placed))
    found = await _bytes(database, index, chunks)
    return found | {"segments": found["embeddings"] // _SEGMENT_CHUNKS}


async def _bytes(database: Database, index: Index, chunks: int) -> dict[str, int]:
    found: dict[str, int] = {}
    options = MaintenanceOptions()
    for quantisation, graph in zip(QUANTISATIONS, ("hnsw", "bit_hnsw"), strict=True):
        async with database.transaction() as session:
            index = await IndexRepository(database).set_quantisation(session, index, quantisation)
        async with database.dedicated_session() as session:
            await MaintenanceRepository(session).build_ann(index, options.m, options.ef_construction)
        found[f"{quantisation} graph"] = await _size(database, f"chunk_embeddings_{graph}_{index.index_id}")
    found["embeddings"] = await _size(database, f"chunk_embeddings_{index.index_id}")
    found["keys"] = await _size(database, f"chunk_embeddings_{index.index_id}_pkey")
    return {name: size * 1_000_000 // chunks for name, size in found.items()}


async def _size(database: Database, relation: str) -> int:
    async with database.session("search") as session:
        ask = session._connection.fetchval  # noqa: SLF001  sizes are no statement of the service
        return int(await ask("SELECT pg_relation_size($1::text::regclass)", relation))


def main() -> None:
    """Measure on a PostgreSQL of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[768, 1536, 3072])
    parser.add_argument("--chunks", type=int, default=4_000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graph-sizes-") as name:
        Path(name).chmod(0o755)
        with embedded.start(Path(name) / "postgres", version=18, durable=False) as server:
            migrations.upgrade(server.dsn())
            found = asyncio.run(measure(server.dsn(), given.dimensions, given.chunks))
    for dimension, parts in found.items():
        print(dimension, {part: f"{size / 1e9:.2f} GB" for part, size in parts.items()})
    if given.output is not None:
        content = {"bytes_per_million_chunks": found, "chunks": given.chunks}
        given.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
