"""The service the adapter is tested against: one for all tests, each with an index of its own.

These tests run in two environments. Where the service is installed, they start it, and small stand-ins take the
place of Onyx's classes. In Onyx's own environment a service is named to them, and the classes are Onyx's.
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from onyx.db.enums import EmbeddingPrecision
from onyx_objects import DIMENSION, make_index
from onyx_vector_search import Client
from onyx_vector_search.adapter import PgVectorDocumentIndex

NAMED = os.environ.get("ONYX_TEST_SERVICE_URL")
collect_ignore = [] if NAMED else ["real"]


@pytest.fixture(scope="session")
def service_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the service."""
    if NAMED:
        yield NAMED
        return
    from service import serving_new_database  # noqa: PLC0415  the service is not installed where Onyx is

    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("template")
    with serving_new_database(postgres, template) as url:
        yield url


@pytest.fixture
def onyx_client(service_url: str) -> Iterator[Client]:
    """A client with connections of its own."""
    with Client(service_url) as client:
        yield client


@pytest.fixture
def index_name() -> str:
    """A name as Onyx makes them, for one test."""
    return f"danswer_chunk_{uuid4().hex}"


@pytest.fixture
def index(onyx_client: Client, index_name: str) -> PgVectorDocumentIndex:
    """An empty index of 8 dimensions."""
    made = make_index(onyx_client, index_name)
    made.verify_and_create_index_if_necessary(DIMENSION, EmbeddingPrecision.FLOAT)
    return made
