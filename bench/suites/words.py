"""Keyword and hybrid search, beside PostgreSQL's own full-text search and LanceDB's."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import asyncpg
import orjson
import uvloop
from typing_extensions import override

from bench.bench import Bench, Cell, interleaved
from bench.http import RefusedError
from bench.results import Cells
from bench.selections import K, Selection
from bench.service import INDEX, Service, to_base64
from bench.statistics import of_latencies
from bench.systems import Ask, Target

_MODES = ("keyword", "hybrid")
_PREPARE = """
DROP TABLE IF EXISTS bench_texts;
CREATE TABLE bench_texts AS
SELECT c.content, to_tsvector('english', c.content) AS terms
FROM chunks AS c
JOIN indexes AS i USING (index_id)
WHERE i.name = 'bench';
CREATE INDEX ON bench_texts USING gin (terms);
ANALYZE bench_texts;
"""
_ASK = """
SELECT t.content, ts_rank(t.terms, q.query) AS score
FROM bench_texts AS t, (SELECT replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery AS query) AS q
WHERE t.terms @@ q.query
ORDER BY score DESC
LIMIT 10
"""


def run(bench: Bench) -> Cells:
    """Measure the modes that the service has, and the others' keyword search."""
    cells: list[Cell] = []
    missing: Cells = {}
    for mode in _MODES:
        for filtered in (None, *bench.material.selections.named("spread_10", "spread_1")):
            name = f"{mode}{'' if filtered is None else f' under {filtered.name}'} · service"
            prepare = partial(_question, bench, mode, filtered)
            if reason := _refusal(bench.service, prepare(0)):
                missing[name] = {"note": reason}
            else:
                cells.append((name, partial(_measured, bench, bench.service, prepare)))
    text_search = _TextSearch(bench.service.dsn)
    cells.append(
        ("keyword · PostgreSQL text search", partial(_measured, bench, text_search, bench.material.dataset.question))
    )
    for peer in bench.peers:
        if (prepare_words := getattr(peer, "prepare_words", None)) is not None:
            ask_words = _words(bench, prepare_words)
            cells.append((f"keyword · {peer.name}", partial(_measured, bench, peer, ask_words)))
    return interleaved(bench, cells) | missing


def _words(bench: Bench, prepare: Callable[[str], Any]) -> Callable[[int], Any]:
    return lambda query: prepare(bench.material.dataset.question(query))


def _question(bench: Bench, mode: str, selection: Selection | None, query: int) -> bytes:
    filters: dict[str, object] = {"access_control_list": None}
    if selection is not None:
        filters["document_sets"] = [selection.name]
    body: dict[str, object] = {
        "index": INDEX,
        "query": bench.material.dataset.question(query),
        "mode": mode,
        "limit": K,
    }
    if mode == "hybrid":
        body["embedding"] = to_base64(bench.material.dataset.queries[query])
    return orjson.dumps(body | {"filters": filters})


def _refusal(service: Service, body: bytes) -> str | None:
    """Return why the service does not answer in a mode; None when it does."""
    try:
        answered = orjson.loads(service.session()(body))
    except RefusedError as error:
        return f"not measured: the service answered {error.status}"
    asked = orjson.loads(body)["mode"]
    return None if answered["mode"] == asked else f"not measured: answered in mode {answered['mode']}"


def _measured(bench: Bench, target: Target, prepare: Callable[[int], Any], round_number: int) -> dict[str, float]:
    rng = bench.rng(5, round_number)
    queries: Sequence[int] = rng.permutation(len(bench.material.dataset.queries))[: bench.pace.questions].tolist()
    run = bench.driver.run(target, [prepare(query) for query in queries], 1, bench.pace.seconds)
    return of_latencies(run.latencies, run.seconds)


class _TextSearch(Target):
    """tsvector, GIN and ts_rank over the same texts: what PostgreSQL has without the service.

    Any of the words suffices, as in the service's keyword search; ts_rank knows no rarity of words.
    """

    name = "PostgreSQL text search"
    over = "SQL"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        asyncio.run(_execute(dsn, _PREPARE))

    @override
    def session(self) -> Ask:
        loop = uvloop.new_event_loop()
        connection = loop.run_until_complete(asyncpg.connect(self._dsn))
        return lambda words: loop.run_until_complete(connection.fetch(_ASK, words))


async def _execute(dsn: str, script: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
