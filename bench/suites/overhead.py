"""What the service adds to the time of PostgreSQL: one question at a time, without a filter, as JSON and as base64.

Beside it what the same answer costs without a service, which is what could be reached at best.
"""

from collections.abc import Sequence
from functools import partial
from time import perf_counter

import numpy as np
import orjson

from bench.bare import FETCHED, PARSED, bare
from bench.bench import Bench, Cell, interleaved
from bench.cpu import clocks
from bench.http import Connection
from bench.processes import resident_megabytes
from bench.results import Cells
from bench.selections import OPEN
from bench.service import Service
from bench.statistics import of_latencies
from bench.systems import Ask

_BLOCK = 20
_OURS = "service"
"""The phase of an explained answer that is no statement."""


def run(bench: Bench) -> Cells:
    """Measure both ways to send an embedding, and a bare application with and without its statement."""
    question = bench.service.prepare(bench.material.dataset.queries[0], OPEN, None)
    with bare(bench.service, bench.floor, question) as (url, process_id):
        cells: list[Cell] = [
            *(
                (f"{service.name} · over its SQL", partial(_measured, bench, service))
                for service in (bench.service, bench.service.with_base64())
            ),
            ("bare ASGI · same body and answer", partial(_bare, bench, url + PARSED, process_id)),
            ("bare ASGI · and the same statement", partial(_bare, bench, url + FETCHED, process_id)),
        ]
        return interleaved(bench, cells)


def _measured(bench: Bench, service: Service, round_number: int) -> dict[str, float]:
    """Ask blocks of questions as they are, timed here, and in turn explained, timed by the service by statements."""
    questions = _questions(bench, service, round_number)
    explained = [orjson.dumps(orjson.loads(question) | {"explain": True}) for question in questions]
    ask = service.session()
    for question in explained:
        ask(question)
    costs = _Costs(bench, service.server())
    latencies, database = list[float](), list[float]()
    for start in range(0, len(questions), _BLOCK):
        block = slice(start, start + _BLOCK)
        latencies += costs.of(ask, questions[block])
        database += [_statements_ms(ask(question)) for question in explained[block]]
    sql = float(np.median(database))
    numbers = costs.numbers(latencies)
    return numbers | {
        "sql_p50_ms": sql,
        "http_over_sql_p50": numbers["p50_ms"] / sql,
        "megabytes": resident_megabytes(service.server()),
    }


def _bare(bench: Bench, url: str, process_id: int, round_number: int) -> dict[str, float]:
    """Ask the same of a bare application."""
    questions = _questions(bench, bench.service, round_number)
    connection = Connection(url)
    ask = partial(connection.send, "POST", "")
    for question in questions:
        ask(question)
    costs = _Costs(bench, process_id)
    return costs.numbers(costs.of(ask, questions))


class _Costs:
    """Processor time of a server and of PostgreSQL, summed up over what is asked here."""

    def __init__(self, bench: Bench, server: int) -> None:
        self._clocks = partial(clocks, server, bench.service.data_dir)
        self._seconds: dict[str, float] = {}

    def of(self, ask: Ask, questions: Sequence[bytes]) -> list[float]:
        """Ask questions; return what each took, in ms."""
        used = self._clocks()
        latencies = []
        for question in questions:
            started = perf_counter()
            ask(question)
            latencies.append((perf_counter() - started) * 1000)
        for name, time in used.items():
            self._seconds[name] = self._seconds.get(name, 0.0) + time.seconds()
        return latencies

    def numbers(self, latencies: Sequence[float]) -> dict[str, float]:
        """Sum up the latencies of all that was asked, with what an answer cost."""
        per_answer = {name: seconds / len(latencies) * 1000 for name, seconds in self._seconds.items()}
        return of_latencies(list(latencies), sum(latencies) / 1000) | per_answer


def _questions(bench: Bench, service: Service, round_number: int) -> list[bytes]:
    queries = bench.rng(10, round_number).permutation(len(bench.material.dataset.queries))
    return [service.prepare(bench.material.dataset.queries[query], OPEN, None) for query in queries]


def _statements_ms(answer: bytes) -> float:
    return float(sum(phase["ms"] for phase in orjson.loads(answer)["phases"] if phase["name"] != _OURS))
