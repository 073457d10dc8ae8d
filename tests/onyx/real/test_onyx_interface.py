"""The adapter against Onyx's interface, and against Onyx's own tests of it."""

import inspect
from collections.abc import Iterator

import pytest
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import DocumentIndex, TenantState
from onyx.document_index.opensearch.opensearch_document_index import OpenSearchIndexPair
from onyx_objects import make_index
from onyx_vector_search import Client
from onyx_vector_search.adapter import PgVectorDocumentIndex, PgVectorIndexPair
from tests.external_dependency_unit.document_index import test_document_index
from tests.external_dependency_unit.document_index.conftest import EMBEDDING_DIM, tenant_context

__all__ = ["tenant_context"]


@pytest.fixture(scope="module")
def document_indices(service_url: str) -> Iterator[list[DocumentIndex]]:
    with Client(service_url) as client:
        state = TenantState(tenant_id="public", multitenant=False)
        name = "danswer_chunk_of_onyx_tests"
        index = PgVectorDocumentIndex(state, name, EMBEDDING_DIM, EmbeddingPrecision.FLOAT, client)
        index.verify_and_create_index_if_necessary(EMBEDDING_DIM, EmbeddingPrecision.FLOAT)
        yield [index, PgVectorIndexPair(index, None)]


class TestOnyxsOwnContract(test_document_index.TestDocumentIndexNew):
    """Onyx's tests as they are, once with the index and once with the pair."""


@pytest.mark.parametrize("kind", [PgVectorDocumentIndex, PgVectorIndexPair])
def test_nothing_abstract_is_left_and_every_signature_is_onyxs(kind: type[DocumentIndex]) -> None:
    assert kind.__abstractmethods__ == frozenset()
    assert len(DocumentIndex.__abstractmethods__) == 9
    for name in DocumentIndex.__abstractmethods__:
        theirs = inspect.signature(getattr(DocumentIndex, name)).parameters
        ours = inspect.signature(getattr(kind, name)).parameters
        shared = [ours[parameter] for parameter in ours if parameter in theirs]
        assert [(p.name, p.kind, p.default) for p in shared] == [(p.name, p.kind, p.default) for p in theirs.values()]
        extra = [p for p in ours.values() if p.name not in theirs]
        assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in extra)


def test_the_pair_is_made_as_onyxs_is() -> None:
    theirs = set(inspect.signature(OpenSearchIndexPair).parameters)
    assert theirs <= set(inspect.signature(PgVectorIndexPair).parameters)


def test_making_an_index_does_no_io() -> None:
    with Client("http://127.0.0.1:9") as nobody:
        make_index(nobody, "index")
        make_index(nobody, "index", tenant="tenant_1", multitenant=True)
