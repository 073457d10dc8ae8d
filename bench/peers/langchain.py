"""langchain-postgres: what a LangChain application uses on the same PostgreSQL and pgvector."""

import time
from pathlib import Path
from typing import Any
from uuid import UUID

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_postgres import Column, PGEngine, PGVectorStore
from langchain_postgres.v2.indexes import HNSWIndex, HNSWQueryOptions
from typing_extensions import override

from bench.dataset import CHUNKS_PER_DOCUMENT, Floats
from bench.peers.databases import own_database
from bench.selections import K, Selection
from bench.systems import Ask, Filled, Material, Peer, Server

_TABLE = "chunks"
_BATCH = 500


class LangChain(Peer):
    """A PGVectorStore with HNSW; each label is a boolean metadata column.

    Parameters
    ----------
    dsn
        A database of its own.
    server
        Where it is.
    folder
        Keeps the names of the labels.
    """

    name = "langchain-postgres"
    over = "SQL"
    efforts = (40, 80, 160, 320)

    def __init__(self, dsn: str, server: Server, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = server
        self._labels = folder / "labels"
        self._engine = PGEngine.from_connection_string(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
        self._stores: dict[int | None, Any] = {}

    @override
    def fill(self, material: Material) -> Filled:
        dataset, labels = material.dataset, material.selections.labels
        columns = [Column("chunk", "INTEGER"), *(Column(label, "BOOLEAN") for label in labels)]
        self._engine.init_vectorstore_table(
            _TABLE, dataset.recipe.dimension, metadata_columns=columns, overwrite_existing=True
        )
        self._labels.write_text("\n".join(labels), encoding="utf-8")
        store = self._store(None)
        started = time.perf_counter()
        for at in range(0, dataset.recipe.size, _BATCH):
            _add(store, material, range(at, min(at + _BATCH, dataset.recipe.size)))
        load = time.perf_counter() - started
        store.apply_vector_index(HNSWIndex(name="chunks_hnsw", m=16, ef_construction=100))
        return Filled(load, time.perf_counter() - started - load)

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> Any:
        wanted = None if selection.documents is None else {selection.name: {"$eq": True}}
        return self._store(effort), embedding.astype(float).tolist(), wanted

    @override
    def session(self) -> Ask:
        return lambda asked: asked[0].similarity_search_with_score_by_vector(asked[1], k=K, filter=asked[2])

    @override
    def read(self, answer: Any) -> list[int]:
        return [int(document.metadata["chunk"]) for document, _ in answer]

    @override
    def workers(self) -> list[int]:
        return [*super().workers(), *self._server.processes()]

    def _store(self, effort: int | None) -> Any:  # noqa: ANN401  the package's types are not installed with ours
        if effort not in self._stores:
            self._stores[effort] = PGVectorStore.create_sync(
                self._engine,
                DeterministicFakeEmbedding(size=3),  # never asked: every embedding is given
                _TABLE,
                metadata_columns=["chunk", *self._labels.read_text(encoding="utf-8").split()],
                index_query_options=None if effort is None else HNSWQueryOptions(ef_search=effort),
            )
        return self._stores[effort]


def _add(store: Any, material: Material, chunks: range) -> None:  # noqa: ANN401
    documents = range(chunks.start // CHUNKS_PER_DOCUMENT, chunks.stop // CHUNKS_PER_DOCUMENT)
    held = [set(material.selections.labels_of(d)) for d in documents for _ in range(CHUNKS_PER_DOCUMENT)]
    labels = material.selections.labels
    store.add_embeddings(
        texts=[text for d in documents for text in material.dataset.texts(d)],
        embeddings=material.dataset.vectors[chunks.start : chunks.stop].astype(float).tolist(),
        metadatas=[
            {"chunk": chunk} | {label: label in have for label in labels}
            for chunk, have in zip(chunks, held, strict=True)
        ],
        ids=[str(UUID(int=chunk)) for chunk in chunks],
    )


def make(folder: Path, server: Server) -> LangChain:
    """Open it."""
    return LangChain(own_database(server.dsn, "langchain"), server, folder)
