"""The plans that PostgreSQL really uses: of the real text, under the pool's own options."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from app.domain.filters import Filters
from app.domain.indexes import Index
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.pools import Role
from app.storage.statements import statement
from tests.support.storage import connected

Plan = dict[str, Any]


async def plan_of(
    database: Database,
    name: str,
    index: Index,
    values: Mapping[str, object],
    *,
    role: Role = "search",
    custom: bool = False,
) -> Plan:
    """Plan a statement as a session of the pool does, run it, and return the plan with what it met.

    ``custom``: as the session does within ``planned_anew``.
    """
    found = await _explained(database, name, index, values, "ANALYZE, BUFFERS, FORMAT JSON", role=role, custom=custom)
    plan: Plan = json.loads(found[0][0])[0]
    return plan


async def plan_lines(database: Database, name: str, index: Index, values: Mapping[str, object]) -> str:
    """Plan a search and run it; return the plan as people read it, on Citus with that of one of the shards in it."""
    return "\n".join(
        row[0] for row in await _explained(database, name, index, values, "ANALYZE, TIMING OFF, COSTS OFF")
    )


async def _explained(
    database: Database,
    name: str,
    index: Index,
    values: Mapping[str, object],
    how: str,
    *,
    role: Role = "search",
    custom: bool = False,
) -> Sequence[Sequence[Any]]:
    """A prepared statement and EXECUTE go through the same choice of plan, generic or custom, as the driver's do."""
    which = statement(name)
    kinds = f"({', '.join(kind for _, kind in which.parameters)})" if which.parameters else ""
    async with database.session(role) as session:
        connection = session._connection
        text = session._text(which, index)
        literals = [
            await connection.fetchval(f"SELECT quote_nullable($1::{kind}::text)", values[parameter])
            for parameter, kind in which.parameters
        ]
        await connection.execute(f"PREPARE probe {kinds} AS {text}")
        try:
            async with connection.transaction():
                if custom:
                    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
                given = f"({', '.join(literals)})" if literals else ""
                rows: Sequence[Sequence[Any]] = await connection.fetch(f"EXPLAIN ({how}) EXECUTE probe {given}")
        finally:
            await connection.execute("DEALLOCATE probe")
    return rows


async def prefer_graphs(dsn: str) -> None:
    """Have sessions from now on use graphs of a few chunks, which are not worth their while to the planner."""
    command = f"ALTER DATABASE {dsn.rpartition('/')[2]} SET enable_sort = off"
    async with connected(dsn) as connection:
        await connection.execute(command)
        if await connection.fetchval(statement("operations/is_on_citus").text()):
            await connection.execute("SELECT run_command_on_workers($1)", command)


def nodes(plan: Plan) -> Iterator[Plan]:
    """Every node of a plan."""
    plan = plan.get("Plan", plan)
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def relations(plan: Plan) -> set[str]:
    """Every table that a plan mentions."""
    return {node["Relation Name"] for node in nodes(plan) if "Relation Name" in node}


def used_indexes(plan: Plan) -> set[str]:
    """Every index that a plan reads."""
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def open_filter(filters: Filters | None = None) -> dict[str, object]:
    """Parameters of a filter that says nothing about access."""
    return filter_values(filters or Filters(), None)


def query_of(dimension: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Some direction."""
    return np.random.default_rng(5).normal(size=dimension).astype(np.float32)
