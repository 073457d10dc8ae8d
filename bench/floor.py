"""The floor: the statements that the service ran for a question, sent straight to PostgreSQL by asyncpg.

Which ones they are is not written down here: a question is asked once beforehand, and the answer explains what was
done for it. So the floor stays the floor when the planner changes its mind.
"""

from typing import Any

import asyncpg
import numpy as np
import orjson
import uvloop
from typing_extensions import override

from app.domain.filters import Filters
from app.domain.planning import head_ef
from app.domain.replacement import SEGMENT_CHUNKS
from app.storage.codecs import register_codecs
from app.storage.filters import filter_values
from app.storage.pools import SEARCH_OPTIONS, PoolOptions
from app.storage.statements import statement
from bench.dataset import Floats
from bench.processes import postgres_processes
from bench.selections import K, Selection
from bench.service import INDEX, Service, chunk_of
from bench.systems import Ask, System

_STATEMENTS = {
    "post_filter": "search/semantic_ann",
    "iterative": "search/semantic_ann",
    "coarse_to_fine": "search/semantic_coarse",
    "exact": "search/semantic_exact",
}
Bound = tuple[str, list[object], bool]
"""Text, parameters, and whether it is planned for their values."""


class UnknownStatementError(Exception):
    """The service ran a statement that is not known here."""


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
        self._taken: dict[tuple[bytes, str], list[tuple[str, dict[str, object]]]] = {}
        self._loops: list[uvloop.Loop] = []
        shown = service.index()
        self._literals = {"index_id": index_id(service), "dimension": int(shown["embedding_dimension"])}

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> list[Bound]:
        filters = Filters() if selection.documents is None else Filters(document_sets=(selection.name,))
        values = filter_values(filters, None) | {"embedding": embedding.astype(np.float16), "limit": K}
        return [self._bound(name, values | own) for name, own in self._statements(embedding, selection)]

    @override
    def session(self) -> Ask:
        loop = uvloop.new_event_loop()
        self._loops.append(loop)
        generic = loop.run_until_complete(_connect(self._service.dsn, "force_generic_plan"))
        custom = loop.run_until_complete(_connect(self._service.dsn, "force_custom_plan"))

        async def ask(statements: list[Bound]) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = []
            for text, values, planned_anew in statements:
                rows = await (custom if planned_anew else generic).fetch(text, *values)
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

    def _statements(self, embedding: Floats, selection: Selection) -> list[tuple[str, dict[str, object]]]:
        """Ask the service what it does for a question: names of statements, and their own parameters."""
        key = (embedding.tobytes(), selection.name)
        if key not in self._taken:
            question = orjson.loads(self._service.prepare(embedding, selection, None)) | {"explain": True}
            plan = orjson.loads(self._ask(orjson.dumps(question)))["plan"]
            self._taken[key] = [_statement(step, plan["ef_search"]) for step in plan["taken"]]
        return self._taken[key]

    def _bound(self, name: str, values: dict[str, object]) -> Bound:
        which = statement(name)
        bound = [values[parameter] for parameter, _ in which.parameters]
        return which.text(**self._literals), bound, name != "search/semantic_ann"


def _statement(step: dict[str, Any], ef_search: int | None) -> tuple[str, dict[str, object]]:
    if step["strategy"] not in _STATEMENTS:
        raise UnknownStatementError(f"there is no statement for the strategy {step['strategy']}")
    width = step["width"]
    own: dict[str, object] = {"candidate_limit": width, "segment_limit": width, "segment_chunks": SEGMENT_CHUNKS}
    return _STATEMENTS[step["strategy"]], own | {"ef_search": str(head_ef(width, K, ef_search or 0))}


def index_id(service: Service) -> int:
    """Return the number of the index under test."""

    async def find() -> int:
        connection = await _connect(service.dsn, "force_generic_plan")
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


async def _connect(dsn: str, plan_mode: str) -> asyncpg.Connection:
    options = SEARCH_OPTIONS | {"plan_cache_mode": plan_mode, "hnsw.ef_search": str(PoolOptions().ef_search)}
    connection = await asyncpg.connect(dsn, server_settings=options, statement_cache_size=1024)
    await register_codecs(connection)
    return connection
