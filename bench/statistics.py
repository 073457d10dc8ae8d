"""Numbers of one run, and of several runs of the same thing."""

from collections.abc import Mapping, Sequence

import numpy as np

Numbers = Mapping[str, float]


def of_latencies(latencies: Sequence[float], seconds: float) -> dict[str, float]:
    """Return percentiles in milliseconds and answers a second."""
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    return {
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "mean_ms": float(np.mean(latencies)),
        "per_second": len(latencies) / seconds,
        "answers": float(len(latencies)),
    }


def over_rounds(rounds: Sequence[Numbers]) -> dict[str, list[float]]:
    """Return [median, least, greatest] of every number over the rounds that have it."""
    names = dict.fromkeys(name for numbers in rounds for name in numbers)
    return {name: _spread([numbers[name] for numbers in rounds if name in numbers]) for name in names}


def _spread(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in (np.median(values), min(values), max(values))]
