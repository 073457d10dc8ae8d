"""Semantic search, one question at a time, from no filter to one that keeps nothing."""

from functools import partial

from bench.bench import Bench, Cell, interleaved
from bench.results import Cells
from bench.selections import OPEN, Selection
from bench.service import Service
from bench.systems import System

_SUM, _COUNT = "search_database_seconds_sum", "search_database_seconds_count"


def run(bench: Bench) -> Cells:
    """Measure every system under every filter."""
    plain: list[System] = [bench.floor, *bench.peers]
    cells: list[Cell] = []
    for selection in bench.material.selections.all:
        cells.append(
            (f"{selection.name} · {bench.service.name}", partial(_of_service, bench, bench.service, selection))
        )
        cells += [(f"{selection.name} · {system.name}", partial(_of, bench, system, selection)) for system in plain]
    encoded = bench.service.with_base64()
    cells.append((f"{OPEN.name} · {encoded.name}", partial(_of_service, bench, encoded, OPEN)))
    measured = interleaved(bench, cells)
    for name, effort in bench.efforts.items():
        measured[f"effort · {name}"] = {"effort": [effort, effort, effort]}
    return measured


def _of(bench: Bench, system: System, selection: Selection, round_number: int) -> dict[str, float]:
    return bench.measure(system, selection, 1, round_number)


def _of_service(bench: Bench, service: Service, selection: Selection, round_number: int) -> dict[str, float]:
    """As any system, with the part that its own clock says was spent in PostgreSQL."""
    before = {name: sum(service.metric(name).values()) for name in (_SUM, _COUNT)}
    measured = bench.measure(service, selection, 1, round_number)
    spent = {name: sum(service.metric(name).values()) - was for name, was in before.items()}
    database = spent[_SUM] / max(1.0, spent[_COUNT]) * 1000
    return measured | {"database_mean_ms": database, "http_over_sql": measured["mean_ms"] / database}
