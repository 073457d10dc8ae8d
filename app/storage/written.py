"""Where the write-ahead log is after a commit, for those who will read their write from a replica."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from app.domain.errors import DependencyError
from app.storage.statements import statement

if TYPE_CHECKING:
    from app.storage.database import Session

_written: ContextVar[list[int] | None] = ContextVar("written", default=None)


@contextmanager
def noted_writes() -> Iterator[list[int]]:
    """Collect places in the log that are behind what is committed within this context."""
    positions: list[int] = []
    token = _written.set(positions)
    try:
        yield positions
    finally:
        _written.reset(token)


async def note_position(session: "Session") -> None:
    """Note the place behind what a session has just committed, where somebody collects."""
    positions = _written.get()
    if positions is None:
        return
    try:
        row = await session.fetch_row(statement("replication/get_write_position"))
    except DependencyError:
        return  # it is committed all the same
    if row is not None:
        positions.append(row["position"])
