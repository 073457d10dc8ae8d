"""The floor: the statements that the service ran for a question, sent straight to PostgreSQL by asyncpg.

Which ones they are is not written down here: the service counts its statements, and a question is asked once
beforehand to see which it takes. So the floor stays the floor when the planner changes its mind.
"""

import re
from typing import Any

import asyncpg
import numpy as np
import uvloop
from typing_extensions import override

from app.domain.filters import Filters
from app.services.searching import CANDIDATES
from app.storage.codecs import register_codecs
from app.storage.database import SEARCH_OPTIONS, PoolOptions
from app.storage.filters import filter_values
from app.storage.statements import statement
from bench.dataset import Floats
from bench.processes import postgres_processes
from bench.selections import K, Selection
from bench.service import INDEX, Service, chunk_of
from bench.systems import Ask, System

_STATEMENT = re.compile(r'statement="(search/[^"]+)"')


class UnknownStatementError(Exception):
    """The service ran a statement whose parameters are not known here."""


class Floor(System):
    """Raw SQL on the service's own database.

    Parameters
    ----------
    service
        Whose statements to send.
    """

    name = "raw SQL"
    over = "SQL"

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ask = service.session()
        self._taken: dict[tuple[bytes, str], tuple[str, ...]] = {}
        self._loops: list[uvloop.Loop] = []
        shown = service.index()
        self._literals = {"index_id": index_id(service), "dimension": int(shown["embedding_dimension"])}

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> list[tuple[str, list[object]]]:
        filters = Filters() if selection.documents is None else Filters(document_sets=(selection.name,))
        values = filter_values(filters, None) | {
            "embedding": embedding.astype(np.float16),
            "limit": K,
            "candidate_limit": CANDIDATES,
        }
        return [self._bound(name, values) for name in self._statements(embedding, selection)]

    @override
    def session(self) -> Ask:
        loop = uvloop.new_event_loop()
        self._loops.append(loop)
        connection = loop.run_until_complete(_connect(self._service.dsn))

        async def ask(statements: list[tuple[str, list[object]]]) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = []
            for text, values in statements:
                rows = await connection.fetch(text, *values)
            return rows

        return lambda question: loop.run_until_complete(ask(question))

    @override
    def read(self, answer: Any) -> list[int]:
        return [chunk_of(row["document_id"], row["chunk_index"]) for row in answer]

    @override
    def workers(self) -> list[int]:
        return [*super().workers(), *postgres_processes(self._service.data_dir)]

    @override
    def close(self) -> None:
        for loop in self._loops:
            loop.close()

    def _statements(self, embedding: Floats, selection: Selection) -> tuple[str, ...]:
        key = (embedding.tobytes(), selection.name)
        if key not in self._taken:
            before = self._service.metric("statement_duration_seconds_count")
            self._ask(self._service.prepare(embedding, selection, None))
            after = self._service.metric("statement_duration_seconds_count")
            run = [label for label, count in after.items() if count > before.get(label, 0.0)]
            self._taken[key] = tuple(sorted(match[1] for label in run if (match := _STATEMENT.search(label))))
        return self._taken[key]

    def _bound(self, name: str, values: dict[str, object]) -> tuple[str, list[object]]:
        which = statement(name)
        try:
            return which.text(**self._literals), [values[parameter] for parameter, _ in which.parameters]
        except KeyError as error:
            raise UnknownStatementError(f"{name} takes {error}") from error


def index_id(service: Service) -> int:
    """Return the number of the index under test."""

    async def find() -> int:
        connection = await _connect(service.dsn)
        try:
            row = await connection.fetchrow(statement("indexes/get_index").text(), "public", INDEX)
            return int(row["index_id"])
        finally:
            await connection.close()

    loop = uvloop.new_event_loop()
    try:
        return int(loop.run_until_complete(find()))
    finally:
        loop.close()


async def _connect(dsn: str) -> asyncpg.Connection:
    options = SEARCH_OPTIONS | {"hnsw.ef_search": str(PoolOptions().ef_search)}
    connection = await asyncpg.connect(dsn, server_settings=options, statement_cache_size=1024)
    await register_codecs(connection)
    return connection
