"""Numbers of one run, and of several runs of the same thing."""

from collections.abc import Mapping, Sequence

import numpy as np

Numbers = Mapping[str, float]
Times = dict[str, list[float]]
"""Milliseconds by what was called."""


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


def ratios(times: Mapping[str, Sequence[float]], yardstick: str) -> dict[str, dict[str, float]]:
    """Return percentiles, and the 95th as a multiple of the yardstick's."""
    base = float(np.percentile(times[yardstick], 95))
    return {
        name: {
            "p50_ms": round(float(np.percentile(taken, 50)), 2),
            "p95_ms": round(float(np.percentile(taken, 95)), 2),
            "p95_ratio": round(float(np.percentile(taken, 95)) / base, 2),
            "calls": len(taken),
        }
        for name, taken in sorted(times.items())
    }


def agreement(found: Sequence[float], exact: Sequence[float], k: int) -> float:
    """Return which share of the exact scores was reached."""
    if not exact:
        return 1.0
    edge = exact[:k][-1] - 1e-6
    return sum(score >= edge for score in found[:k]) / len(exact[:k])


def _spread(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in (np.median(values), min(values), max(values))]
