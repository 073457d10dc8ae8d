"""The slow-query log: which statement, how long, with what kind of values, and on request its plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np
import structlog

from app.storage.statements import Statement

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SlowQueryOptions:
    """Seconds from which on a statement is slow (0: none is), and whether its plan is logged too."""

    seconds: float = 0.0
    plan: bool = False


class SlowQueryLog:
    """Bind values are whose documents and questions they are: the log shows kinds and sizes only."""

    def __init__(self, options: SlowQueryOptions) -> None:
        self._options = options

    def is_slow(self, seconds: float) -> bool:
        """Whether a statement that took so long belongs into the log."""
        return 0.0 < self._options.seconds <= seconds

    def report(self, which: Statement, bound: Sequence[object], seconds: float, *, failed: bool) -> None:
        """Log a slow statement, whether it ended well or not."""
        log.warning(
            "slow_query",
            statement=which.name,
            ms=round(seconds * 1000, 1),
            failed=failed,
            parameters=described(which, bound),
        )

    async def report_plan(self, connection: asyncpg.Connection, which: Statement, text: str) -> None:
        """Log the plan of a slow statement: the generic one, which is the one that ran and knows no values."""
        if not self._options.plan or not _has_plan(text):
            return
        nothing = ", ".join(["NULL"] * len(which.parameters))
        try:
            # Not EXPLAIN (GENERIC_PLAN): asyncpg would bind values to it, and the plan would be theirs.
            prepared = await connection.prepare(text)
            execute = f"EXECUTE {prepared.get_name()}" + (f"({nothing})" if nothing else "")
            rows = await connection.fetch(f"EXPLAIN {execute}")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            # The statement itself has succeeded: the caller gets its rows whatever becomes of the log.
            log.warning("slow_query_plan_missing", statement=which.name, error=type(error).__name__)
            return
        log.warning("slow_query_plan", statement=which.name, plan="\n".join(row[0] for row in rows))


def described(which: Statement, bound: Sequence[object]) -> dict[str, str]:
    """Say of each value that is there what it is and how large, by the parameter's name."""
    return {name: _kind(value) for (name, _), value in zip(which.parameters, bound, strict=True) if value is not None}


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"vector of {value.shape[0]}"
    if isinstance(value, str | bytes | Sequence | Mapping):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__


def _has_plan(text: str) -> bool:
    """Whether PostgreSQL explains such a statement."""
    first = next(line for line in text.splitlines() if line and not line.startswith("--"))
    return first.split(maxsplit=1)[0].upper() in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"}
