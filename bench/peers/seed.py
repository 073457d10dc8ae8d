"""The client of common pgvector guides: psycopg2, one table, IVFFlat, metadata in jsonb."""

import time
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import Json, execute_values
from typing_extensions import override

from bench.dataset import CHUNKS_PER_DOCUMENT, Floats
from bench.peers.databases import own_database
from bench.selections import K, Selection
from bench.systems import Ask, ChangingPeer, Filled, Material, Server

_BATCH = 1_000
_LISTS = 100
_TABLE = """
CREATE TABLE documents (
    id integer PRIMARY KEY, content text, metadata jsonb, embedding vector({dimension})
)"""
_INDEX = "CREATE INDEX ON documents USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)"
_INSERT = "INSERT INTO documents (id, content, metadata, embedding) VALUES %s"
_SEARCH = """
SELECT id, content, metadata, 1 - (embedding <=> %s::vector) AS similarity
FROM documents
ORDER BY embedding <=> %s::vector
LIMIT %s"""
_FILTERED = """
SELECT id, content, metadata, 1 - (embedding <=> %s::vector) AS similarity
FROM documents
WHERE metadata @> %s
ORDER BY embedding <=> %s::vector
LIMIT %s"""
_CHANGE = "UPDATE documents SET metadata = metadata || %s WHERE metadata @> %s"


class Seed(ChangingPeer):
    """One connection a thread, text parameters, ``ivfflat.probes`` as the effort.

    Parameters
    ----------
    dsn
        A database of its own.
    server
        Where it is.
    """

    name = "psycopg2 + IVFFlat"
    over = "SQL"
    efforts = (1, 5, 10, 20, 50, _LISTS)

    def __init__(self, dsn: str, server: Server) -> None:
        self._dsn = dsn
        self._server = server
        self._writing: Any = None

    @override
    def fill(self, material: Material) -> Filled:
        started = time.perf_counter()
        with psycopg2.connect(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS documents")
            cursor.execute(_TABLE.format(dimension=material.dataset.recipe.dimension))
            for at in range(0, material.dataset.recipe.size, _BATCH):
                execute_values(cursor, _INSERT, _rows(material, at), page_size=100)
            load = time.perf_counter() - started
            cursor.execute(_INDEX)
            cursor.execute("CREATE INDEX ON documents USING gin (metadata jsonb_path_ops)")
            cursor.execute("ANALYZE documents")
        return Filled(load, time.perf_counter() - started - load)

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> Any:
        vector = str(embedding.astype(float).tolist())
        if selection.documents is None:
            return effort, _SEARCH, (vector, vector, K)
        return effort, _FILTERED, (vector, Json({selection.name: True}), vector, K)

    @override
    def session(self) -> Ask:
        connection = psycopg2.connect(self._dsn)
        connection.autocommit = True
        cursor = connection.cursor()
        set_to: list[int | None] = [None]

        def ask(question: Any) -> Any:  # noqa: ANN401
            effort, text, values = question
            if set_to[0] != effort:
                cursor.execute("SELECT set_config('ivfflat.probes', %s, false)", (str(effort or 1),))
                set_to[0] = effort
            cursor.execute(text, values)
            return cursor.fetchall()

        return ask

    @override
    def read(self, answer: Any) -> list[int]:
        return [int(row[0]) for row in answer]

    @override
    def workers(self) -> list[int]:
        return [*super().workers(), *self._server.processes()]

    @override
    def change(self, document: int, value: int) -> None:
        if self._writing is None:
            self._writing = psycopg2.connect(self._dsn)
        with self._writing, self._writing.cursor() as cursor:
            cursor.execute(_CHANGE, (Json({"value": value}), Json({"document": document})))


def _rows(material: Material, at: int) -> list[tuple[object, ...]]:
    dataset = material.dataset
    rows: list[tuple[object, ...]] = []
    stop = min(at + _BATCH, dataset.recipe.size)
    for document in range(at // CHUNKS_PER_DOCUMENT, stop // CHUNKS_PER_DOCUMENT):
        metadata = dict.fromkeys(material.selections.labels_of(document), True) | {"document": document, "value": 0}
        for number, text in enumerate(dataset.texts(document)):
            chunk = document * CHUNKS_PER_DOCUMENT + number
            rows.append((chunk, text, Json(metadata), str(dataset.vectors[chunk].astype(float).tolist())))
    return rows


def make(_folder: Path, server: Server) -> Seed:
    """Open it."""
    return Seed(own_database(server.dsn, "seed"), server)
