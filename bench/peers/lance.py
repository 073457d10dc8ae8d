"""LanceDB: a columnar store with IVF and HNSW, in process; it pays for no network."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import FTS, BTree, HnswSq
from typing_extensions import override

from bench.dataset import CHUNKS_PER_DOCUMENT, Floats
from bench.selections import K, Selection
from bench.systems import Ask, Filled, Material, Peer, Server

_BLOCK = 5_000
_REFINE = 4


class Lance(Peer):
    """A table on disk; each label is a boolean column.

    Parameters
    ----------
    folder
        Where it keeps its data.
    """

    name = "LanceDB"
    over = "in process"
    efforts = (64, 128, 256, 512)

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = lancedb.connect(str(folder / "lance"))
        self._table: Any = None
        if "bench" in self._database.table_names():
            self._table = self._database.open_table("bench")

    @override
    def fill(self, material: Material) -> Filled:
        started = time.perf_counter()
        schema = _schema(material)
        blocks = pa.RecordBatchReader.from_batches(schema, _batches(material, schema))
        self._table = self._database.create_table("bench", blocks, mode="overwrite")
        load = time.perf_counter() - started
        self._table.create_index("embedding", config=HnswSq("cosine", num_partitions=1, m=16, ef_construction=100))
        self._table.create_index("chunk", config=BTree())
        self._table.create_index("content", config=FTS())
        self._table.optimize()
        return Filled(load, time.perf_counter() - started - load)

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> Any:
        asked = self._table.search(embedding).distance_type("cosine").limit(K).select(["chunk", "content", "_distance"])
        asked = asked.ef(effort).refine_factor(_REFINE)
        return asked if selection.documents is None else asked.where(f"{selection.name} = true", prefilter=True)

    def prepare_words(self, words: str) -> Any:  # noqa: ANN401
        """Make a keyword question."""
        return self._table.search(words, query_type="fts").limit(K).select(["chunk", "content", "_score"])

    @override
    def session(self) -> Ask:
        return lambda asked: asked.to_arrow()

    @override
    def read(self, answer: Any) -> list[int]:
        return [int(chunk) for chunk in answer.column("chunk").to_pylist()]


def _schema(material: Material) -> pa.Schema:
    fields = [
        pa.field("chunk", pa.int64()),
        pa.field("embedding", pa.list_(pa.float32(), material.dataset.recipe.dimension)),
        pa.field("content", pa.string()),
    ]
    return pa.schema(fields + [pa.field(label, pa.bool_()) for label in material.selections.labels])


def _batches(material: Material, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    dataset = material.dataset
    for at in range(0, dataset.recipe.size, _BLOCK):
        chunks = range(at, min(at + _BLOCK, dataset.recipe.size))
        documents = range(chunks.start // CHUNKS_PER_DOCUMENT, chunks.stop // CHUNKS_PER_DOCUMENT)
        labels = [set(material.selections.labels_of(d)) for d in documents for _ in range(CHUNKS_PER_DOCUMENT)]
        flat = pa.array(dataset.vectors[chunks.start : chunks.stop].ravel())
        columns: list[Any] = [
            pa.array(list(chunks), pa.int64()),
            pa.FixedSizeListArray.from_arrays(flat, dataset.recipe.dimension),
            pa.array([text for d in documents for text in dataset.texts(d)]),
        ]
        columns += [pa.array([label in held for held in labels], pa.bool_()) for label in material.selections.labels]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def make(folder: Path, _server: Server) -> Lance:
    """Open it."""
    return Lance(folder)
