"""Searches by words, and by words and meaning at once."""

import math

import pytest
from onyx.context.search.enums import QueryType
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx_objects import EVERYTHING, access, chunk, document, ids, put, update, vector
from onyx_vector_search.adapter import PgVectorDocumentIndex

OPEN = IndexFilters(access_control_list=[])


@pytest.fixture
def filled(index: PgVectorDocumentIndex) -> PgVectorDocumentIndex:
    put(
        index,
        chunk("ai", content="Artificial intelligence learns from examples.", embedding=vector(1),
              source_document=document("ai", title="Machines")),
        chunk("garden", content="Roses grow in the garden behind the house.", embedding=vector(0, 1),
              source_document=document("garden", title="Plants")),
        chunk("both", content="A garden kept by artificial means.", embedding=vector(0, 0, 1),
              source_document=document("both", title="Odd")),
        chunk("secret", content="Artificial secrets of the garden.", embedding=vector(1),
              source_document=document("secret", title="Hush"), access=access(groups=["eng"])),
    )  # fmt: skip
    return index


def hybrid(
    index: PgVectorDocumentIndex,
    query: str,
    embedding: list[float],
    *,
    keywords: list[str] | None = None,
    kind: QueryType = QueryType.SEMANTIC,
    filters: IndexFilters = OPEN,
    limit: int = 10,
) -> list[InferenceChunk]:
    return index.hybrid_retrieval(query, embedding, keywords, kind, filters, limit)


def test_words_are_found_by_their_stems_and_marked(filled: PgVectorDocumentIndex) -> None:
    first, *_ = filled.keyword_retrieval("learning artificially", OPEN, 10)
    assert first.document_id == "ai"
    assert "<hi>Artificial</hi>" in " ".join(first.match_highlights)
    assert "<hi>" not in first.content


def test_more_of_the_words_come_before_fewer(filled: PgVectorDocumentIndex) -> None:
    found = filled.keyword_retrieval("artificial garden", OPEN, 10)
    assert found[0].document_id == "both"
    assert ids(found) == {"ai", "garden", "both"}
    scores = [hit.score or 0.0 for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isfinite(score) and score > 0 for score in scores)


def test_words_that_are_nowhere_find_nothing(filled: PgVectorDocumentIndex) -> None:
    assert filled.keyword_retrieval("zyzzyva", OPEN, 10) == []


def test_hidden_documents_are_found_by_words_where_that_is_asked_for(filled: PgVectorDocumentIndex) -> None:
    update(filled, "garden", hidden=True)
    assert ids(filled.keyword_retrieval("roses", OPEN, 10)) == set()
    (found,) = filled.keyword_retrieval("roses", OPEN, 10, include_hidden=True)
    assert found.hidden


def test_access_holds_for_words_too(filled: PgVectorDocumentIndex) -> None:
    assert ids(filled.keyword_retrieval("secrets", OPEN, 10)) == set()
    assert ids(filled.keyword_retrieval("secrets", IndexFilters(access_control_list=["group:eng"]), 10)) == {"secret"}


def test_both_kinds_of_matches_are_found_and_scored(filled: PgVectorDocumentIndex) -> None:
    found = hybrid(filled, "roses", vector(1))
    assert {"ai", "garden"} <= ids(found)
    assert "secret" not in ids(found)
    scores = [hit.score for hit in found]
    assert all(score is not None and math.isfinite(score) for score in scores)
    assert scores == sorted(scores, key=lambda score: -(score or 0.0))


@pytest.mark.parametrize("kind", list(QueryType))
def test_what_matches_in_both_ways_comes_first(filled: PgVectorDocumentIndex, kind: QueryType) -> None:
    assert hybrid(filled, "artificial intelligence", vector(1), kind=kind)[0].document_id == "ai"


def test_the_kind_of_query_decides_which_match_counts_for_more(filled: PgVectorDocumentIndex) -> None:
    by_meaning = {hit.document_id: hit.score or 0.0 for hit in hybrid(filled, "roses", vector(1))}
    by_words = {hit.document_id: hit.score or 0.0 for hit in hybrid(filled, "roses", vector(1), kind=QueryType.KEYWORD)}
    assert by_words["garden"] / by_words["ai"] > by_meaning["garden"] / by_meaning["ai"]


def test_keywords_stand_for_the_query_unless_there_are_none(filled: PgVectorDocumentIndex) -> None:
    query = "tell me about roses"
    assert hybrid(filled, query, vector(0, 0, 0, 1), keywords=["garden", "artificial"])[0].document_id == "both"
    for keywords in (None, []):
        found = hybrid(filled, query, vector(0, 0, 0, 1), keywords=keywords)
        assert found[0].document_id == "garden"
        assert any("<hi>Roses</hi>" in highlight for highlight in found[0].match_highlights)


def test_a_query_of_stop_words_is_answered_by_its_meaning(filled: PgVectorDocumentIndex) -> None:
    assert hybrid(filled, "the of and", vector(0, 1))[0].document_id == "garden"
    assert hybrid(filled, "", vector(0, 1))[0].document_id == "garden"


def test_text_that_no_json_can_hold_is_cleaned_from_queries(filled: PgVectorDocumentIndex) -> None:
    assert ids(filled.keyword_retrieval("ro\x00ses\ud800", OPEN, 10)) == {"garden"}


def test_filters_hold_before_the_limit(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk(f"other {number}", content="same words", document_sets={"Other"}) for number in range(60)),
        chunk("mine", content="same words", document_sets={"Mine"}, embedding=vector(0, 1)))  # fmt: skip
    wanted = IndexFilters(access_control_list=[], document_set=["Mine"])
    assert ids(hybrid(index, "same words", vector(1), filters=wanted, limit=5)) == {"mine"}
    assert ids(index.keyword_retrieval("same words", wanted, 5)) == {"mine"}


def test_public_to_private_is_effective_on_the_next_hybrid_search(filled: PgVectorDocumentIndex) -> None:
    assert "garden" in ids(hybrid(filled, "roses", vector(0, 1), filters=IndexFilters(access_control_list=["PUBLIC"])))
    update(filled, "garden", access=access(groups=["eng"]))
    for entries, expected in ((["PUBLIC"], False), (["group:eng"], True)):
        wanted = IndexFilters(access_control_list=entries)
        assert ("garden" in ids(hybrid(filled, "roses", vector(0, 1), filters=wanted))) is expected
        assert ("garden" in ids(filled.keyword_retrieval("roses", wanted, 9))) is expected


def test_ranked_searches_return_no_more_than_asked_for(filled: PgVectorDocumentIndex) -> None:
    assert len(hybrid(filled, "artificial garden", vector(1), filters=EVERYTHING, limit=2)) == 2
    assert len(filled.keyword_retrieval("artificial garden", EVERYTHING, 2)) == 2
    assert hybrid(filled, "artificial", vector(1), limit=0) == []
