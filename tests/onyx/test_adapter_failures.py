"""What Onyx is told when the database cannot take writes."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.opensearch.client import OpenSearchIndexWriteBlockedError
from onyx_objects import chunk, make_index, put, seen, update
from onyx_vector_search import Client, IndexNotFoundError, ReadOnlyError, StorageFullError, calls
from onyx_vector_search.adapter import PgVectorDocumentIndex
from service import serving

from app.settings import Settings


@pytest.fixture
def full() -> Iterator[PgVectorDocumentIndex]:
    problem = {"status": 507, "code": "database_full", "detail": "no room"}

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(507, json=problem)

    with Client("http://service", transport=httpx.MockTransport(handler)) as client:
        yield make_index(client, "index")


def test_a_full_database_is_told_to_indexing_as_onyx_knows_it(full: PgVectorDocumentIndex) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="no room") as raised:
        put(full, chunk())
    assert raised.value.response.status_code == 507


def test_a_full_database_is_told_to_others_as_what_may_pass(full: PgVectorDocumentIndex) -> None:
    for change in (lambda: update(full, boost=1), lambda: full.delete("d")):
        with pytest.raises(StorageFullError) as raised:
            change()
        assert not isinstance(raised.value, httpx.HTTPStatusError)


def test_read_timeouts_reach_onyx_as_they_are() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    with Client("http://service", transport=httpx.MockTransport(handler)) as client:
        index = make_index(client, "index")
        for change in (lambda: update(index, boost=1), lambda: index.delete("d"), lambda: put(index, chunk())):
            with pytest.raises(httpx.ReadTimeout):
                change()


def test_an_index_that_is_not_there_is_an_error_for_a_single_tenant(onyx_client: Client, index_name: str) -> None:
    index = make_index(onyx_client, index_name)
    for call in (
        lambda: seen(index),
        lambda: index.delete("d"),
        lambda: update(index, boost=1),
        lambda: put(index, chunk()),
    ):
        with pytest.raises(IndexNotFoundError):
            call()


@pytest.fixture
async def read_only(dsn: str, settings: Settings) -> AsyncIterator[str]:
    """A service whose database has an index with a document, and then takes no more writes."""
    with serving(settings) as url:
        await asyncio.to_thread(_fill, url)
    connection = await asyncpg.connect(dsn)
    database = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    await connection.close()
    with serving(settings) as url:
        yield url


def _fill(url: str) -> None:
    with Client(url) as client:
        index = make_index(client, "filled")
        index.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
        put(index, chunk("d"))


def test_start_up_goes_on_with_an_index_that_takes_no_writes(read_only: str) -> None:
    with Client(read_only) as client:
        index = make_index(client, "filled")
        assert client.ready().read_only
        index.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)  # nothing has to be written
        assert seen(index) == {"d"}
        with pytest.raises(ReadOnlyError):
            put(index, chunk("e"))
        with pytest.raises(ReadOnlyError):
            update(index, boost=1)


def test_an_index_that_cannot_be_made_is_no_reason_to_go_on(read_only: str) -> None:
    with Client(read_only) as client, pytest.raises(ReadOnlyError):
        make_index(client, "another").verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)


def test_a_refused_verification_of_an_index_that_is_there_is_a_write_block() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(503, json={"status": 503, "code": "database_read_only", "detail": "standby"})
        return httpx.Response(200, json=_INDEX)

    with Client("http://service", transport=httpx.MockTransport(handler)) as client:
        with pytest.raises(OpenSearchIndexWriteBlockedError) as raised:
            make_index(client, "index").verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
        assert isinstance(raised.value.__cause__, ReadOnlyError)
        assert client.send(calls.get_index("index")).name == "index"


_INDEX = {
    "name": "index", "tenant_id": "public", "embedding_dimension": 8, "language": "english", "access_control": True,
    "rank_profile": "default", "documents": 1, "chunks": 1, "bytes": 1, "ann": {"state": "none", "progress": 1.0},
    "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
