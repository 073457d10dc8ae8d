"""Results: stored suite by suite as they come, so that an interrupted run goes on."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine

FOLDER = Path(__file__).resolve().parent / "results"
SHOWN = ("p50_ms", "p95_ms", "per_second", "recall")

Cells = dict[str, dict[str, Any]]
"""By "what · system": numbers as [median, least, greatest] over rounds, and notes as text."""


class Results:
    """The results of one run.

    Parameters
    ----------
    path
        The file; it is read when it is there and ``resume`` says so.
    head
        What the run is of: the same head must be met to go on with a file.
    """

    def __init__(self, path: Path, head: Mapping[str, object], *, resume: bool) -> None:
        self.path = path
        found = read(path) if resume and path.exists() else None
        if found is not None and found["run"] == dict(head) and found["machine"]["revision"] == machine.revision():
            self.content = found
        else:
            self.content = {"run": dict(head), "started": _now(), "machine": machine.describe(), "suites": {}}

    def has(self, suite: str) -> bool:
        """Whether a suite is finished."""
        return suite in self.content["suites"]

    def add(self, suite: str, cells: Cells, seconds: float) -> None:
        """Store a suite that is finished."""
        self.content["suites"][suite] = {
            "finished": _now(),
            "seconds": round(seconds, 1),
            "load_average": machine.describe()["load_average"],
            "cells": cells,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        making = self.path.with_suffix(".making")
        making.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        making.replace(self.path)


def read(path: Path) -> dict[str, Any]:
    """Read the results of a run."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float, float, bool]]:
    """Compare two runs: suite, cell, number, old and new median, and whether their ranges are apart."""
    for suite, of_suite in new["suites"].items():
        before = old["suites"].get(suite, {"cells": {}})["cells"]
        for cell, numbers in of_suite["cells"].items():
            for name in SHOWN:
                if name in numbers and name in before.get(cell, {}):
                    was, now = before[cell][name], numbers[name]
                    apart = now[1] > was[2] or now[2] < was[1]
                    yield suite, cell, name, was[0], now[0], apart


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
