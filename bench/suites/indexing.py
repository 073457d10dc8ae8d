"""Indexing: without a graph, with one, of what is there already; beside plain COPY and the peers' loading."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter

import asyncpg

from app.storage.codecs import register_codecs
from bench.bench import Bench, Cell, interleaved
from bench.dataset import CHUNKS_PER_DOCUMENT, Dataset
from bench.results import Cells
from bench.service import INDEX, WRITERS
from bench.systems import spoken

_SMALL = "bench_small"
_SMALL_DOCUMENTS = 1_000
_EXTRA_DOCUMENTS = 100
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


def run(bench: Bench) -> Cells:
    """Measure writing; what was added to the index under test is taken out again."""
    cells: list[Cell] = [
        ("new, no graph · service", partial(_without_graph, bench)),
        ("unchanged · service", partial(_unchanged, bench)),
        (f"new, graph live ({bench.service.index()['ann']['state']}) · service", partial(_with_graph, bench)),
        ("new, no graph · raw SQL COPY", partial(_copied, bench)),
    ]
    measured = interleaved(bench, cells)
    bench.service.control.send("DELETE", f"/indexes/{_SMALL}")
    size = bench.material.dataset.recipe.size
    for name, filled in bench.filled.items():
        took = filled.load + filled.build
        measured[f"all of it, index built · {name}"] = {
            "per_second": [size / took] * 3,
            "load_seconds": [filled.load] * 3,
            "build_seconds": [filled.build] * 3,
        }
    return measured


def _without_graph(bench: Bench, _round: int) -> dict[str, float]:
    _fresh_index(bench)
    return _timed(bench, lambda: bench.service.post(_SMALL, bench.material, _small(bench)), len(_small(bench)))


def _unchanged(bench: Bench, _round: int) -> dict[str, float]:
    """Send again what is stored; ``rows_written`` counts chunks that were not left as they are."""
    _fresh_index(bench)
    bench.service.post(_SMALL, bench.material, _small(bench))
    before = bench.service.metric("chunks_indexed_total")
    measured = _timed(bench, lambda: bench.service.post(_SMALL, bench.material, _small(bench)), len(_small(bench)))
    after = bench.service.metric("chunks_indexed_total")
    left_alone = '{result="unchanged"}'
    written = sum(after.values()) - sum(before.values()) - after[left_alone] + before.get(left_alone, 0.0)
    return measured | {"rows_written": written}


def _with_graph(bench: Bench, round_number: int) -> dict[str, float]:
    documents = range(min(_EXTRA_DOCUMENTS, bench.material.dataset.documents))
    prefix = f"extra-{round_number}-"
    measured = _timed(
        bench, lambda: bench.service.post(INDEX, bench.material, documents, id_prefix=prefix), len(documents)
    )
    names = [prefix + spoken(document) for document in documents]
    bench.service.control.call("POST", "/documents/delete", {"index": INDEX, "document_ids": names})
    return measured


def _copied(bench: Bench, _round: int) -> dict[str, float]:
    return {
        "per_second": copied_per_second(bench.service.dsn, bench.material.dataset, _small(bench)),
        "connections": 1.0,
    }


def copied_per_second(dsn: str, dataset: Dataset, documents: range) -> float:
    """One connection copies texts and embeddings into a bare table: no terms, no digests, no upsert."""
    chunks = range(len(documents) * CHUNKS_PER_DOCUMENT)
    texts = [text for document in documents for text in dataset.texts(document)]
    rows = [(chunk, text, dataset.vectors[chunk]) for chunk, text in zip(chunks, texts, strict=True)]

    async def copy() -> float:
        connection = await asyncpg.connect(dsn)
        await register_codecs(connection)
        await connection.execute("DROP TABLE IF EXISTS bench_copied")
        await connection.execute("CREATE TABLE bench_copied (chunk integer, content text, embedding halfvec)")
        started = perf_counter()
        await connection.copy_records_to_table("bench_copied", records=rows)
        seconds = perf_counter() - started
        await connection.execute("DROP TABLE bench_copied")
        await connection.close()
        return seconds

    return len(rows) / asyncio.run(copy())


def _timed(bench: Bench, write: Callable[[], float], documents: int) -> dict[str, float]:
    chunks = documents * CHUNKS_PER_DOCUMENT
    written = asyncio.run(_wal(bench.service.dsn))
    seconds = write()
    kilobytes = (asyncio.run(_wal(bench.service.dsn)) - written) / 1024
    return {"per_second": chunks / seconds, "wal_kilobytes": kilobytes / chunks, "connections": float(WRITERS)}


def _small(bench: Bench) -> range:
    return range(min(_SMALL_DOCUMENTS, bench.material.dataset.documents))


def _fresh_index(bench: Bench) -> None:
    control = bench.service.control
    settings = {"embedding_dimension": bench.material.dataset.recipe.dimension, "access_control": True}
    control.call("PUT", f"/indexes/{_SMALL}", settings)
    control.send("DELETE", f"/indexes/{_SMALL}")
    control.call("PUT", f"/indexes/{_SMALL}", settings)


async def _wal(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(_WAL))
    finally:
        await connection.close()
