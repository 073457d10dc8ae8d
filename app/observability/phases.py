"""Where the time of a piece of work goes: statements by their names, and calls to other services."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

EMBEDDING = "embedding"
"""The phase in which the embeddings endpoint is asked; every other one is a statement's."""

_phases: ContextVar[dict[str, float] | None] = ContextVar("phases", default=None)


@contextmanager
def timed_phases() -> Iterator[dict[str, float]]:
    """Sum up the seconds of each phase within this context, in the order in which they first end."""
    seconds: dict[str, float] = {}
    token = _phases.set(seconds)
    try:
        yield seconds
    finally:
        _phases.reset(token)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Count what is done within as one phase."""
    started = perf_counter()
    try:
        yield
    finally:
        count_phase(name, perf_counter() - started)


def count_phase(name: str, seconds: float) -> None:
    """Add to a phase, where somebody counts."""
    if (counted := _phases.get()) is not None:
        counted[name] = counted.get(name, 0.0) + seconds


def database_seconds(phases: dict[str, float]) -> float:
    """Return what the statements took together."""
    return sum(seconds for name, seconds in phases.items() if name != EMBEDDING)
