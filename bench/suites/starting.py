"""Start of the service on data that are there: until it is ready, its first answers, its memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter

import numpy as np

from bench.driving import Driver
from bench.processes import resident_megabytes
from bench.results import Cells
from bench.selections import OPEN
from bench.service import Service
from bench.statistics import over_rounds
from bench.systems import Material

_FIRST = 20


def run(start: Callable[[], AbstractContextManager[Service]], material: Material, rounds: int) -> Cells:
    """Start and stop the service several times. PostgreSQL starts with it; the system's file cache stays warm."""
    return {"start · service": over_rounds([_started(start, material, number) for number in range(rounds)])}


def _started(
    start: Callable[[], AbstractContextManager[Service]], material: Material, round_number: int
) -> dict[str, float]:
    embeddings = material.dataset.queries
    order = material.dataset.rng(9, round_number).permutation(len(embeddings))
    began = perf_counter()
    with start() as service:
        ready = perf_counter() - began
        at_rest = resident_megabytes(service.server())
        questions = [service.prepare(embeddings[query], OPEN, None) for query in order]
        driver = Driver()
        first = driver.run(service, questions[:_FIRST], 1, 600.0).latencies
        warm = driver.run(service, questions[_FIRST:], 1, 600.0).latencies
        busy = resident_megabytes(service.server())
    return {
        "ready_seconds": ready,
        "first_ms": first[0],
        "first_20_p50_ms": float(np.median(first)),
        "warm_p50_ms": float(np.median(warm)),
        "megabytes_at_rest": at_rest,
        "megabytes_after": busy,
    }
