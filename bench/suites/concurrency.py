"""Answers a second and their latency with 1, 8 and 32 connections."""

from functools import partial

from bench.bench import Bench, Cell, interleaved
from bench.processes import resident_megabytes
from bench.results import Cells
from bench.selections import Selection
from bench.systems import System

LEVELS = (1, 8, 32)
_SELECTIONS = ("open", "spread_10", "spread_1")


def run(bench: Bench) -> Cells:
    """Measure every system at every level, and the memory of servers afterwards."""
    systems: list[System] = [bench.service, bench.floor, *bench.peers]
    cells: list[Cell] = [
        (f"{selection.name} × {level} · {system.name}", partial(_of, bench, system, selection, level))
        for selection in bench.material.selections.named(*_SELECTIONS)
        for level in LEVELS
        for system in systems
    ]
    measured = interleaved(bench, cells)
    for system in systems:
        if (process := system.server()) is not None:
            megabytes = round(resident_megabytes(process), 1)
            measured[f"memory afterwards · {system.name}"] = {"megabytes": [megabytes] * 3}
    return measured


def _of(bench: Bench, system: System, selection: Selection, level: int, round_number: int) -> dict[str, float]:
    return bench.measure(system, selection, level, round_number)
