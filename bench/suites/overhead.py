"""What the service adds to the time of PostgreSQL: one question at a time, without a filter, as JSON and as base64."""

from functools import partial
from time import perf_counter

import numpy as np
import orjson

from bench.bench import Bench, Cell, interleaved
from bench.cpu import ProcessorTime
from bench.processes import postgres_processes, resident_megabytes
from bench.results import Cells
from bench.selections import OPEN
from bench.service import Service
from bench.statistics import of_latencies

_OURS = "service"
"""The phase of an explained answer that is no statement."""


def run(bench: Bench) -> Cells:
    """Measure both ways to send an embedding."""
    cells: list[Cell] = [
        (f"{service.name} · over its SQL", partial(_measured, bench, service))
        for service in (bench.service, bench.service.with_base64())
    ]
    return interleaved(bench, cells)


def _measured(bench: Bench, service: Service, round_number: int) -> dict[str, float]:
    """Ask each question as it is, timed here, and in turn explained, timed by the service statement by statement."""
    queries = bench.rng(10, round_number).permutation(len(bench.material.dataset.queries))
    questions = [service.prepare(bench.material.dataset.queries[query], OPEN, None) for query in queries]
    explained = [orjson.dumps(orjson.loads(question) | {"explain": True}) for question in questions]
    ask = service.session()
    database = [_statements_ms(ask(question)) for question in explained]
    ours, theirs = ProcessorTime([service.server()]), ProcessorTime(postgres_processes(service.data_dir))
    latencies = []
    for place, question in enumerate(questions):
        started = perf_counter()
        ask(question)
        latencies.append((perf_counter() - started) * 1000)
        database.append(_statements_ms(ask(explained[place])))
    asked = 2 * len(questions)
    sql = float(np.median(database[len(questions) :]))
    numbers = of_latencies(latencies, sum(latencies) / 1000)
    return numbers | {
        "sql_p50_ms": sql,
        "http_over_sql_p50": numbers["p50_ms"] / sql,
        "service_cpu_ms": ours.seconds() / asked * 1000,
        "postgres_cpu_ms": theirs.seconds() / asked * 1000,
        "megabytes": resident_megabytes(service.server()),
    }


def _statements_ms(answer: bytes) -> float:
    return float(sum(phase["ms"] for phase in orjson.loads(answer)["phases"] if phase["name"] != _OURS))
