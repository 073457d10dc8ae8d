"""Qdrant Edge: Qdrant's segment engine in process; it pays for no network."""

import time
from pathlib import Path
from typing import Any

import qdrant_edge as qdrant
from typing_extensions import override

from bench.dataset import CHUNKS_PER_DOCUMENT, Floats
from bench.selections import K, Selection
from bench.systems import Ask, ChangingPeer, Filled, Material, Server

_BATCH = 1_000


class Qdrant(ChangingPeer):
    """A shard on disk; labels are a keyword payload with an index.

    Parameters
    ----------
    folder
        Where it keeps its data.
    """

    name = "Qdrant Edge"
    over = "in process"
    efforts = (32, 64, 128, 256, 512)

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "shard"
        self._shard: Any = qdrant.EdgeShard.load(str(self._folder)) if self._folder.exists() else None

    @override
    def fill(self, material: Material) -> Filled:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        config = qdrant.EdgeConfig(
            vectors=qdrant.EdgeVectorParams(
                material.dataset.recipe.dimension,
                qdrant.Distance.Cosine,
                hnsw_config=qdrant.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000),
            ),
            optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1_000),
        )
        self._shard = qdrant.EdgeShard.create(str(self._folder), config)
        started = time.perf_counter()
        for field, kind in (
            ("labels", qdrant.PayloadSchemaType.Keyword),
            ("document", qdrant.PayloadSchemaType.Integer),
        ):
            self._shard.update(qdrant.UpdateOperation.create_field_index(field, kind))
        for at in range(0, material.dataset.recipe.size, _BATCH):
            self._shard.update(qdrant.UpdateOperation.upsert_points(_points(material, at)))
        load = time.perf_counter() - started
        self._shard.optimize()
        self._shard.flush()
        return Filled(load, time.perf_counter() - started - load)

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> Any:
        return qdrant.QueryRequest(
            K,
            query=qdrant.Query.Nearest(embedding.astype(float).tolist()),
            filter=None if selection.documents is None else _equal("labels", selection.name),
            params=qdrant.SearchParams(hnsw_ef=effort),
            with_payload=True,
        )

    @override
    def session(self) -> Ask:
        ask: Ask = self._shard.query
        return ask

    @override
    def read(self, answer: Any) -> list[int]:
        return [int(point.id) for point in answer]

    @override
    def change(self, document: int, value: int) -> None:
        """Change the payload; only a flush makes it durable."""
        first = document * CHUNKS_PER_DOCUMENT
        points = list(range(first, first + CHUNKS_PER_DOCUMENT))
        self._shard.update(qdrant.UpdateOperation.set_payload(points, {"value": value}))
        self._shard.flush()

    @override
    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()


def _equal(field: str, value: str) -> Any:  # noqa: ANN401  the package's types are not installed with ours
    return qdrant.Filter(must=[qdrant.FieldCondition(field, match=qdrant.MatchValue(value))])


def _points(material: Material, at: int) -> list[Any]:
    dataset = material.dataset
    stop = min(at + _BATCH, dataset.recipe.size)
    points = []
    for document in range(at // CHUNKS_PER_DOCUMENT, stop // CHUNKS_PER_DOCUMENT):
        labels = material.selections.labels_of(document)
        for number, text in enumerate(dataset.texts(document)):
            chunk = document * CHUNKS_PER_DOCUMENT + number
            payload = {"labels": labels, "document": document, "value": 0, "content": text}
            points.append(qdrant.Point(chunk, dataset.vectors[chunk].astype(float).tolist(), payload))
    return points


def make(folder: Path, _server: Server) -> Qdrant:
    """Open it."""
    return Qdrant(folder)
