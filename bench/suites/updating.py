"""Changing who may read a document of ten chunks: beside the same in rows that carry HNSW, and in the peers."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter

import asyncpg
import orjson

from app.domain.keys import document_key
from app.storage.codecs import register_codecs
from app.storage.pools import WRITE_OPTIONS
from app.storage.statements import statement
from bench.bench import Bench, Cell, interleaved
from bench.floor import index_id
from bench.http import Connection
from bench.results import Cells
from bench.service import INDEX, access_of
from bench.statistics import of_latencies
from bench.systems import ChangingPeer, spoken

_DOCUMENTS = 40
_BULK = 5_000
_BATCH = 500
_ROWS = """
DROP TABLE IF EXISTS bench_rows;
CREATE TABLE bench_rows AS
SELECT d.document_id, e.chunk_index, e.embedding::halfvec({dimension}) AS embedding, a.entries AS acl, d.hidden
FROM documents AS d
JOIN chunk_embeddings AS e USING (index_id, document_key)
JOIN acl_sets AS a USING (index_id, acl_id)
WHERE d.index_id = {index_id};
CREATE INDEX ON bench_rows USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 100);
CREATE INDEX ON bench_rows USING gin (acl);
CREATE INDEX ON bench_rows (document_id);
VACUUM ANALYZE bench_rows;
"""
_CHANGE_ROWS = "UPDATE bench_rows SET acl = $2 WHERE document_id = $1"
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"

Change = Callable[[int, int], None]
"""Give a document another list, the number of which is the second argument."""


def run(bench: Bench) -> Cells:
    """Measure changes one by one, and many at once."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(_connect(bench))
    number = index_id(bench.service)
    dimension = bench.material.dataset.recipe.dimension
    for script in _ROWS.format(dimension=dimension, index_id=number).split(";\n"):
        if script.strip():
            loop.run_until_complete(connection.execute(script))
    wait: Callable[[Awaitable[object]], object] = loop.run_until_complete
    http = Connection(bench.service.url)

    def of_service(document: int, value: int) -> None:
        http.send("PATCH", "/documents", _patch([document], value))

    def of_statement(document: int, value: int) -> None:
        wait(connection.fetch(text, [document_key(spoken(document))], value % 20, *[None] * unchanged))

    def of_rows(document: int, value: int) -> None:
        wait(connection.execute(_CHANGE_ROWS, spoken(document), [f"user_email:{value}@example.com"]))

    update = statement("documents/update_documents")
    text, unchanged = update.text(index_id=number, dimension=dimension), len(update.parameters) - 2

    def wal() -> int:
        return int(str(wait(connection.fetchval(_WAL))))

    cells: list[Cell] = [
        ("one document · service", partial(_one_by_one, bench, of_service, wal)),
        ("one document · raw SQL", partial(_one_by_one, bench, of_statement, wal)),
        ("one document · rows with HNSW", partial(_one_by_one, bench, of_rows, wal)),
        *(
            (f"one document · {peer.name}", partial(_one_by_one, bench, peer.change, None))
            for peer in bench.peers
            if isinstance(peer, ChangingPeer)
        ),
        (f"{_bulk(bench)} documents · service", partial(_at_once, bench, http)),
    ]
    measured = interleaved(bench, cells)
    _restore(bench, http)
    wait(connection.execute("DROP TABLE bench_rows"))
    wait(connection.close())
    loop.close()
    return measured


def _one_by_one(bench: Bench, change: Change, wal: Callable[[], int] | None, round_number: int) -> dict[str, float]:
    documents = bench.rng(7, round_number).permutation(bench.material.dataset.documents)[:_DOCUMENTS].tolist()
    latencies = []
    written = wal() if wal is not None else 0
    change(documents[0], 1_000_000 + round_number)  # connections open, plans are made
    for document in documents:
        started = perf_counter()
        change(document, 1_000_001 + round_number)
        latencies.append((perf_counter() - started) * 1000)
    numbers = of_latencies(latencies, sum(latencies) / 1000)
    if wal is not None:
        numbers["wal_kilobytes"] = (wal() - written) / (len(documents) + 1) / 1024
    return numbers


def _at_once(bench: Bench, http: Connection, round_number: int) -> dict[str, float]:
    documents = bench.rng(8, round_number).permutation(bench.material.dataset.documents)[: _bulk(bench)].tolist()
    body = _patch(documents, 2_000_000 + round_number)
    started = perf_counter()
    http.send("PATCH", "/documents", body)
    seconds = perf_counter() - started
    return {"p50_ms": seconds * 1000, "per_second": len(documents) / seconds}


def _restore(bench: Bench, http: Connection) -> None:
    """Give every document its own list back."""
    documents = range(bench.material.dataset.documents)
    for start in range(0, len(documents), _BATCH):
        updates = [
            {"document_ids": [spoken(document)], "access": access_of(bench.material.dataset, document)}
            for document in documents[start : start + _BATCH]
        ]
        http.send("PATCH", "/documents", orjson.dumps({"index": INDEX, "updates": updates}))


def _bulk(bench: Bench) -> int:
    return min(_BULK, bench.material.dataset.documents)


def _patch(documents: list[int], value: int) -> bytes:
    access = {"public": False, "entries": [f"user_email:{value}@example.com"]}
    update = {"document_ids": [spoken(document) for document in documents], "access": access}
    return orjson.dumps({"index": INDEX, "updates": [update]})


async def _connect(bench: Bench) -> asyncpg.Connection:
    connection = await asyncpg.connect(bench.service.dsn, server_settings=WRITE_OPTIONS)
    await register_codecs(connection)
    return connection
