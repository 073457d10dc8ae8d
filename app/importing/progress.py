"""How an import gets on, for people and for programs."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from app.domain.imports import OUTCOMES
from app.observability import metrics

_JSON_SECONDS = 2.0


@dataclass(slots=True)
class Tally:
    """What an attempt has done so far, on top of what earlier attempts had."""

    expected: int | None = None
    slices: int = 0
    finished_slices: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    before: int = 0
    retries: int = 0
    last_trouble: str = ""
    started: float = field(default_factory=monotonic)

    @property
    def rows(self) -> int:
        """Rows that are accounted for, those of earlier attempts included."""
        return sum(self.counts[outcome] for outcome in OUTCOMES)

    @property
    def rate(self) -> float:
        """Rows per second of this attempt."""
        return (self.rows - self.before) / max(1e-9, monotonic() - self.started)

    def as_json(self, event: str) -> dict[str, Any]:
        """Show the tally to a program."""
        rate = self.rate
        left = None if self.expected is None or not rate else max(0.0, (self.expected - self.rows) / rate)
        return {
            "event": event,
            "rows": self.rows,
            "expected_rows": self.expected,
            "rows_per_second": round(rate, 1),
            "eta_seconds": None if left is None else round(left, 1),
            "slices": self.slices,
            "finished_slices": self.finished_slices,
            "retries": self.retries,
            "counts": dict(sorted(self.counts.items())),
        }


class Reporter:
    """Shows a tally as it changes: a bar on a terminal, lines of JSON for programs, nothing when quiet."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last = 0.0
        self._bar: Progress | None = None

    @contextmanager
    def showing(self, tally: Tally) -> Iterator[None]:
        """Show a tally for as long as an import runs."""
        metrics.IMPORT_EXPECTED.set(tally.expected or 0)
        if self._as_json or not sys.stderr.isatty():
            yield
            return
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.fields[rate]:>7.0f} rows/s"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=Console(stderr=True),
        )  # fmt: skip
        with self._bar:
            self._bar.add_task("", total=tally.expected, rate=0.0, note="")
            yield
        self._bar = None

    def update(self, tally: Tally) -> None:
        """Show the latest."""
        metrics.IMPORT_SLICES.labels("finished").set(tally.finished_slices)
        metrics.IMPORT_SLICES.labels("open").set(tally.slices - tally.finished_slices)
        if self._bar is not None:
            note = f"slices {tally.finished_slices}/{tally.slices}"
            if quarantined := tally.counts["quarantined"]:
                note += f"  [red]quarantined {quarantined}[/red]"
            if tally.retries:
                note += f"  [yellow]retries {tally.retries}[/yellow] {tally.last_trouble[:60]}"
            self._bar.update(self._bar.task_ids[0], completed=tally.rows, rate=tally.rate, note=note)
        elif self._as_json and monotonic() - self._last >= _JSON_SECONDS:
            self._last = monotonic()
            self.emit(tally.as_json("progress"))

    def emit(self, event: dict[str, Any]) -> None:
        """Write a line for programs, if one listens."""
        if self._as_json:
            sys.stdout.write(orjson.dumps(event, default=str).decode() + "\n")
            sys.stdout.flush()
