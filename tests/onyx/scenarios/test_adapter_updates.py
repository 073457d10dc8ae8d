"""What update() changes, and what it reports."""

from datetime import UTC, datetime

import pytest
from onyx.context.search.models import TimeRange
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import MetadataUpdateRequest, SecondaryIndexDocumentMissingError
from onyx_objects import EVERYTHING, access, chunk, make_index, put, seen, update, update_request, vector
from onyx_vector_search import Client, DocumentMissingError
from onyx_vector_search.adapter import PgVectorDocumentIndex, PgVectorIndexPair


@pytest.fixture
def pair(onyx_client: Client, index: PgVectorDocumentIndex, index_name: str) -> PgVectorIndexPair:
    secondary = make_index(onyx_client, f"{index_name}__danswer_alt_index")
    made = PgVectorIndexPair(index, secondary, 8, EmbeddingPrecision.FLOAT)
    made.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    return made


def test_public_to_private_is_effective_on_the_next_search(index: PgVectorDocumentIndex) -> None:
    put(index, chunk(access=access(public=True, groups=["eng"])))
    assert seen(index) == {"d"}
    update(index, access=access(groups=["eng"]))
    assert seen(index) == set()
    assert seen(index, "PUBLIC") == set()
    assert seen(index, "group:eng") == {"d"}
    update(index, access=access(public=True))
    assert (seen(index), seen(index, "group:eng")) == ({"d"}, {"d"})


def test_access_is_replaced_as_a_whole(index: PgVectorDocumentIndex) -> None:
    put(index, chunk(access=access(emails=["a@example.org"], groups=["eng"])))
    update(index, access=access(emails=["b@example.org"]))
    assert seen(index, "user_email:a@example.org", "group:eng") == set()
    assert seen(index, "user_email:b@example.org") == {"d"}
    update(index, access=access())
    assert seen(index, "user_email:b@example.org", "PUBLIC") == set()


def test_what_is_not_named_stays_and_what_is_empty_is_cleared(index: PgVectorDocumentIndex) -> None:
    put(index, chunk(document_sets={"Legal"}, user_project=[0], personas=[5], boost=3))
    update(index, hidden=False)
    assert seen(index, document_set=["Legal"]) == {"d"}
    assert seen(index, project_id_filter=0) == {"d"}
    assert seen(index, persona_id_filter=5) == {"d"}
    update(index, document_sets=set(), project_ids=set(), persona_ids={6})
    assert seen(index, document_set=["Legal"]) == set()
    assert seen(index, project_id_filter=0) == set()
    assert seen(index, persona_id_filter=6) == {"d"}
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.boost == 3


def test_boost_is_cut_to_a_whole_number(index: PgVectorDocumentIndex) -> None:
    put(index, chunk())
    update(index, boost=4.9)
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.boost == 4


def test_a_date_of_creation_can_be_filled_in(index: PgVectorDocumentIndex) -> None:
    put(index, chunk())
    window = TimeRange(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2020, 12, 31, tzinfo=UTC))
    assert seen(index, created_at_range=window) == {"d"}  # undated
    update(index, created_at=datetime(2021, 6, 1, tzinfo=UTC))
    assert seen(index, created_at_range=window) == set()


@pytest.mark.parametrize("count", [-1, 0, 1, 99])
def test_documents_are_updated_whatever_their_count_says(index: PgVectorDocumentIndex, count: int) -> None:
    put(index, chunk("d", 0), chunk("d", 1))
    update(index, count=count, boost=7)
    assert [found.boost for found in index.semantic_retrieval(vector(1), EVERYTHING, 2)] == [7, 7]


def test_an_update_without_a_field_does_nothing(index: PgVectorDocumentIndex) -> None:
    put(index, chunk())
    update(index)
    index.update([])
    index.update([update_request("never"), update_request(boost=1)], surface_document_missing=True)
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.boost == 1


def test_many_documents_and_requests_are_applied_in_order(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk(name) for name in "abc"))
    request = MetadataUpdateRequest(document_ids=["a", "b"], doc_id_to_chunk_cnt={"a": 1, "b": 1}, boost=5)
    index.update([request, update_request("b", boost=6), update_request("gone", boost=1)])
    boosts = {found.document_id: found.boost for found in index.semantic_retrieval(vector(1), EVERYTHING, 9)}
    assert boosts == {"a": 5, "b": 6, "c": 0}


def test_missing_documents_are_named_exactly_and_the_rest_is_applied(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("here"))
    requests = [
        update_request("missing 2", boost=1),
        update_request("unknown", count=-1, boost=1),
        update_request("empty", count=0, boost=1),
        update_request("here", boost=1),
        update_request("missing 1", boost=1),
    ]
    with pytest.raises(DocumentMissingError) as raised:
        index.update(requests, surface_document_missing=True)
    assert raised.value.missing_document_ids == ["missing 1", "missing 2"]
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.boost == 1


def test_a_pair_updates_both_and_reports_what_the_secondary_lacks(pair: PgVectorIndexPair) -> None:
    secondary = pair.secondary
    assert secondary is not None
    put(pair, chunk("both"), chunk("primary only"))
    put(secondary, chunk("both"))
    with pytest.raises(SecondaryIndexDocumentMissingError) as raised:
        pair.update([update_request("primary only", boost=2), update_request("both", boost=2)])
    assert raised.value.document_ids == ["primary only"]
    assert {hit.boost for hit in pair.semantic_retrieval(vector(1), EVERYTHING, 9)} == {2}
    assert [hit.boost for hit in secondary.semantic_retrieval(vector(1), EVERYTHING, 9)] == [2]


def test_a_pair_reads_and_indexes_the_primary_and_deletes_from_both(pair: PgVectorIndexPair) -> None:
    secondary = pair.secondary
    assert secondary is not None
    put(pair, chunk("d"))
    assert (seen(pair), seen(secondary)) == ({"d"}, set())
    put(secondary, chunk("d", 0), chunk("d", 1))
    assert pair.delete("d") == 3
    assert (seen(pair), seen(secondary)) == (set(), set())


def test_a_pair_whose_primary_is_being_filled_reports_what_that_lacks(index: PgVectorDocumentIndex) -> None:
    filling = PgVectorIndexPair(index, None, primary_backfill_in_progress=True)
    with pytest.raises(SecondaryIndexDocumentMissingError) as raised:
        filling.update([update_request("late", boost=1)])
    assert raised.value.document_ids == ["late"]
    PgVectorIndexPair(index, None).update([update_request("late", boost=1)])


def test_a_pair_that_begins_a_model_change_empties_the_new_index_and_only_that(
    pair: PgVectorIndexPair, onyx_client: Client, index_name: str
) -> None:
    secondary = pair.secondary
    assert secondary is not None
    put(pair, chunk("kept"))
    put(secondary, chunk("stale"))
    pair.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    assert seen(secondary) == {"stale"}
    wider = PgVectorIndexPair(
        make_index(onyx_client, index_name), secondary, 16, EmbeddingPrecision.FLOAT, secondary_is_new=True
    )
    wider.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    assert seen(pair) == {"kept"}
    assert onyx_client.get_index(f"{index_name}__danswer_alt_index").embedding_dimension == 16
    assert onyx_client.get_index(f"{index_name}__danswer_alt_index").documents == 0


def test_a_secondary_comes_with_its_dimension_or_not_at_all(index: PgVectorDocumentIndex) -> None:
    with pytest.raises(ValueError, match="or not at all"):
        PgVectorIndexPair(index, index)
    with pytest.raises(ValueError, match="or not at all"):
        PgVectorIndexPair(index, None, 8, EmbeddingPrecision.FLOAT)
