"""The slow-query log: it names the statement, shows the plan on request, and never what was asked."""

from uuid import uuid4

import numpy as np
import pytest
import structlog
from structlog.testing import capture_logs

from app.domain.errors import QueryTimeoutError
from app.domain.indexes import Index
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.operations import OperationsRepository
from app.storage.pools import PoolOptions
from app.storage.slow_queries import SlowQueryOptions, described
from app.storage.statements import Statement, statement
from app.text.tokeniser import TOKENISER_VERSION

ASKED = "salary-of-the-board"


@pytest.fixture(autouse=True)
def every_level() -> None:
    """An application that another test started may have set the level of logs."""
    structlog.reset_defaults()


def database(dsn: str, options: SlowQueryOptions, statement_timeout: float = 30.0) -> Database:
    return Database(dsn, PoolOptions(slow_queries=options, statement_timeout=statement_timeout))


async def look_up(dsn: str, options: SlowQueryOptions) -> list[dict[str, object]]:
    opened = database(dsn, options)
    await opened.open()
    try:
        with capture_logs() as lines:
            async with opened.session("search") as session:
                await session.fetch(statement("indexes/get_index"), tenant_id=ASKED, name="documents")
    finally:
        await opened.close()
    return [dict(line) for line in lines if str(line["event"]).startswith("slow_query")]


async def test_a_slow_statement_is_logged_without_its_values(dsn: str) -> None:
    [line] = await look_up(dsn, SlowQueryOptions(seconds=1e-9))
    assert line["statement"] == "indexes/get_index"
    assert line["failed"] is False
    assert line["parameters"] == {"tenant_id": "str of 19", "name": "str of 9"}
    assert ASKED not in str(line)


async def test_a_quick_statement_is_not_logged_nor_anything_at_zero(dsn: str) -> None:
    assert await look_up(dsn, SlowQueryOptions(seconds=60)) == []
    assert await look_up(dsn, SlowQueryOptions(seconds=0)) == []


@pytest.mark.one_postgres("plans")
async def test_the_plan_comes_on_request_and_knows_no_values(dsn: str) -> None:
    _, plan = await look_up(dsn, SlowQueryOptions(seconds=1e-9, plan=True))
    assert plan["event"] == "slow_query_plan"
    assert "indexes_tenant_id_name_key" in str(plan["plan"]) or "Seq Scan on indexes" in str(plan["plan"])
    assert "$1" in str(plan["plan"])
    assert ASKED not in str(plan)


@pytest.mark.one_postgres("server")
async def test_a_statement_that_runs_into_its_limit_is_logged_as_failed(dsn: str) -> None:
    opened = database(dsn, SlowQueryOptions(seconds=0.05, plan=True), statement_timeout=2.0)
    sleep = Statement("test/sleep", "SELECT pg_sleep(600)", (), ())
    await opened.open()
    try:
        with capture_logs() as lines:
            async with opened.session("search") as session:
                with pytest.raises(QueryTimeoutError):
                    await session.fetch(sleep)
    finally:
        await opened.close()
    [line] = [line for line in lines if line["event"] == "slow_query"]
    assert line["failed"] is True


async def test_every_query_can_be_explained(dsn: str) -> None:
    """The plan of each statement with a parameter can be had without a value for it."""
    opened = database(dsn, SlowQueryOptions(seconds=1e-9, plan=True))
    await opened.open()
    try:
        index = await _some_index(opened)
        with capture_logs() as lines:
            await OperationsRepository(opened).sample_embeddings(index, uuid4(), 1)
            await OperationsRepository(opened).index_health(1)
    finally:
        await opened.close()
    assert [line["statement"] for line in lines if line["event"] == "slow_query_plan"] == [
        "operations/sample_embeddings",
        "operations/list_index_health",
    ]
    assert not [line for line in lines if line["event"] == "slow_query_plan_missing"]


async def _some_index(opened: Database) -> Index:
    indexes = IndexRepository(opened)
    async with opened.transaction() as session:
        return await indexes.create(
            session,
            tenant_id="public",
            name="probe",
            embedding_dimension=4,
            language="english",
            access_control=True,
            rank_profile="default",
            quantisation="none",
            tokeniser_version=TOKENISER_VERSION,
        )


def test_kinds_are_told_instead_of_values() -> None:
    which = Statement("x", "", (("a", "bytea"), ("b", "halfvec"), ("c", "int"), ("d", "jsonb"), ("e", "text")), ())
    bound = [b"abc", np.zeros(384, np.float32), 7, {"name": ASKED}, None]
    assert described(which, bound) == {"a": "bytes of 3", "b": "vector of 384", "c": "int", "d": "dict of 1"}
