"""What a suite is given, and what suites share: choosing efforts, and measuring cells in mixed order."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.cpu import ProcessorTime
from bench.driving import Driver, Run
from bench.floor import Floor, UnknownStatementError
from bench.results import Cells
from bench.selections import OPEN, K, Selection, recall
from bench.service import Service
from bench.statistics import of_latencies, over_rounds
from bench.systems import Filled, Material, Peer, System

TARGET = 0.99
"""Recall at which systems are compared: each is set to the cheapest effort that reaches it without a filter."""

_CALIBRATION = 60


@dataclass(frozen=True)
class Pace:
    """How long to measure.

    Parameters
    ----------
    rounds
        Repetitions of every cell, each in an order of its own.
    questions
        Per cell and round, when the seconds suffice.
    seconds
        Per cell and round, about.
    """

    rounds: int
    questions: int
    seconds: float


@dataclass
class Bench:
    """A filled service and its peers."""

    material: Material
    service: Service
    floor: Floor
    peers: Sequence[Peer]
    filled: dict[str, Filled]
    pace: Pace
    say: Callable[[str], None]
    driver: Driver = field(default_factory=Driver)
    efforts: dict[str, int | None] = field(default_factory=dict)

    def rng(self, *stream: int) -> np.random.Generator:
        """Return a generator of its own for a purpose."""
        return self.material.dataset.rng(6, *stream)

    def effort(self, system: System) -> int | None:
        """Return the cheapest setting of a system that reaches the target, or its most thorough one."""
        if not system.efforts:
            return None
        if system.name not in self.efforts:
            self.efforts[system.name] = self._calibrated(system)
        return self.efforts[system.name]

    def _calibrated(self, system: System) -> int:
        queries = self.rng(1).permutation(len(self.material.dataset.queries))[:_CALIBRATION].tolist()
        chosen = system.efforts[-1]
        for effort in system.efforts:
            system.set_effort(effort)
            questions = [system.prepare(self.material.dataset.queries[query], OPEN, effort) for query in queries]
            run = self.driver.run(system, questions, 1, 60.0)
            found = self.recall(system, OPEN, queries, run)
            self.say(f"{system.name}: effort {effort} reaches recall {found:.3f}")
            if found >= TARGET:
                chosen = effort
                break
        system.set_effort(chosen)
        return chosen

    def recall(self, system: System, selection: Selection, queries: Sequence[int], run: Run) -> float:
        """Return the mean recall of the answers of a run."""
        truth = self.material.selections.truth(selection)
        found = [recall(system.read(answer), truth[queries[place]]) for place, answer in run.answers]
        return float(np.mean(found))

    def measure(self, system: System, selection: Selection, concurrency: int, round_number: int) -> dict[str, float]:
        """Measure one cell once, with questions in an order of the round's own."""
        effort = self.effort(system)
        stream = (2, round_number, hash_of(system.name), hash_of(selection.name), concurrency)
        queries = self.rng(*stream).permutation(len(self.material.dataset.queries))[: self.pace.questions].tolist()
        questions = [system.prepare(self.material.dataset.queries[query], selection, effort) for query in queries]
        used = ProcessorTime(system.workers())
        run = self.driver.run(system, questions, concurrency, self.pace.seconds)
        cpu = used.seconds()
        truth = self.material.selections.truth(selection)
        read = [(queries[place], system.read(answer)) for place, answer in run.answers]
        short = sum(len(found) < min(K, int((truth[query] >= 0).sum())) for query, found in read)
        recalls = [recall(found, truth[query]) for query, found in read]
        return of_latencies(run.latencies, run.seconds) | {
            "cpu_ms": cpu / len(run.answers) * 1000,
            "recall": float(np.mean(recalls)),
            "short": float(short),
        }


Cell = tuple[str, Callable[[int], dict[str, float]]]
"""A name, and how to measure it in a round."""


def interleaved(bench: Bench, cells: Sequence[Cell]) -> Cells:
    """Measure every cell once a round, in an order of the round's own, and sum the rounds up.

    A cell that cannot be measured becomes a note; the others go on.
    """
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name, _ in cells}
    notes: dict[str, str] = {}
    for number in range(bench.pace.rounds):
        bench.say(f"round {number + 1} of {bench.pace.rounds}, {len(cells)} cells")
        for place in bench.rng(3, number).permutation(len(cells)):
            name, measure = cells[place]
            if name in notes:
                continue
            try:
                rounds[name].append(measure(number))
            except UnknownStatementError as error:
                notes[name] = str(error)
    summed: dict[str, dict[str, Any]] = {name: over_rounds(numbers) for name, numbers in rounds.items() if numbers}
    return summed | {name: {"note": note} for name, note in notes.items()}


def hash_of(name: str) -> int:
    """Return a number for a name, the same in every process."""
    return zlib.crc32(name.encode())
