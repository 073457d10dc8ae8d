"""What costs come to at sizes that were not measured: a + b ln n, since a graph's layers grow with the logarithm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SIZES = (1_000_000, 10_000_000, 100_000_000)
"""That are spoken of, measured or not."""

TARGET = 0.99


@dataclass(frozen=True)
class Model:
    """A fit by least squares.

    Attributes
    ----------
    constant, slope
        Of the natural logarithm of the size.
    error
        The greatest relative error of a size that the fit of the others predicts.
    """

    constant: float
    slope: float
    error: float

    def at(self, size: int) -> float:
        """Predict."""
        return self.constant + self.slope * float(np.log(size))


def fit(costs: Mapping[int, float]) -> Model:
    """Fit costs by size, three of them at least."""
    sizes = np.array(sorted(costs))
    values = np.array([costs[int(size)] for size in sizes])
    constant, slope = _line(sizes, values)
    errors = []
    for left_out in range(len(sizes)):
        others = np.arange(len(sizes)) != left_out
        part = _line(sizes[others], values[others])
        errors.append(abs(part[0] + part[1] * np.log(sizes[left_out]) - values[left_out]) / values[left_out])
    return Model(constant, slope, float(max(errors)))


def _line(sizes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    slope, constant = np.polyfit(np.log(sizes), values, 1)
    return float(constant), float(slope)


def least(by_effort: Mapping[str, Mapping[str, float]], target: float = TARGET) -> tuple[str, Mapping[str, float]]:
    """Return the least effort that reaches a recall with its numbers, or the greatest there is."""
    reached = [effort for effort, numbers in by_effort.items() if numbers["recall"] >= target]
    effort = min(reached, key=int) if reached else max(by_effort, key=int)
    return effort, by_effort[effort]


def models(kept: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Fit what an answer and what building a graph cost a chunk, and predict."""
    costs: dict[str, dict[int, float]] = {}
    for graph, by_size in kept.get("statements", {}).items():
        costs[f"answer by {graph}, processor ms"] = {
            int(size): least(by_effort)[1]["processor_ms"] for size, by_effort in by_size.items()
        }
    for graph, by_size in kept.get("graphs", {}).items():
        costs[f"building {graph}, processor µs a chunk"] = {
            int(size): built["processor_seconds"] / int(size) * 1e6
            for size, built in by_size.items()
            if "processor_seconds" in built
        }
    found = {}
    for name, by_size in costs.items():
        if len(by_size) >= 3:
            model = fit(by_size)
            found[name] = {
                "constant": round(model.constant, 4), "slope": round(model.slope, 4), "error": round(model.error, 3),
                **{str(size): round(model.at(size), 2) for size in SIZES},
            }  # fmt: skip
    return found


def show(kept: Mapping[str, Any]) -> None:
    """Print what was measured, and the models."""
    for graph, by_size in kept.get("statements", {}).items():
        for size, by_effort in by_size.items():
            effort, numbers = least(by_effort)
            print(f"{graph:5} {int(size):>9,} effort {effort:>5}", numbers)
    for part in ("ingest", "graphs", "searches", "bytes"):
        for name, numbers in kept.get(part, {}).items():
            print(part, name, numbers)
    for name, numbers in models(kept).items():
        print(name, numbers)
