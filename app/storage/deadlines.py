"""Until when an answer is of use: PostgreSQL stops by itself then, should nobody be left to cancel."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let the transactions that begin in this context give their statements no longer than this."""
    token = _ends_at.set(monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def milliseconds_left() -> int | None:
    """Return the time that is left, 1 at least, or None where there is no deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(1, round((ends_at - monotonic()) * 1000))
