"""What is found and looked up, and in which order."""

import threading

import pytest
from onyx.context.search.models import IndexFilters
from onyx.document_index.interfaces_new import DocumentSectionRequest
from onyx_objects import EVERYTHING, access, chunk, document, put, update, vector
from onyx_vector_search.adapter import PgVectorDocumentIndex


def section(document_id: str, start: int | None = None, end: int | None = None) -> DocumentSectionRequest:
    return DocumentSectionRequest(document_id=document_id, min_chunk_ind=start, max_chunk_ind=end)


@pytest.fixture
def filled(index: PgVectorDocumentIndex) -> PgVectorDocumentIndex:
    put(
        index,
        *(chunk("b", number, f"b {number}") for number in range(12)),
        *(chunk("a", number, f"a {number}") for number in range(3)),
    )
    return index


def contents(index: PgVectorDocumentIndex, *sections: DocumentSectionRequest) -> list[str]:
    return [found.content for found in index.id_based_retrieval(list(sections), EVERYTHING)]


def test_sections_come_in_the_order_of_the_requests_then_of_the_chunks(filled: PgVectorDocumentIndex) -> None:
    found = contents(filled, section("b", 9, 11), section("a"), section("b", None, 1), section("never"))
    assert found == ["b 9", "b 10", "b 11", "a 0", "a 1", "a 2", "b 0", "b 1"]


def test_a_range_may_begin_before_the_first_chunk_and_end_before_it(filled: PgVectorDocumentIndex) -> None:
    assert contents(filled, section("a", -2, 0)) == ["a 0"]
    assert contents(filled, section("a", -5, -3)) == []


def test_looked_up_chunks_have_no_score_and_no_highlights(filled: PgVectorDocumentIndex) -> None:
    (found,) = filled.id_based_retrieval([section("a", 1, 1)], EVERYTHING, batch_retrieval=True)
    assert (found.score, found.match_highlights) == (None, [])


def test_chunks_of_another_size_are_not_there(filled: PgVectorDocumentIndex) -> None:
    request = DocumentSectionRequest(document_id="a", max_chunk_size=1024)
    assert filled.id_based_retrieval([request], EVERYTHING) == []


def test_an_id_with_its_quotes_replaced_finds_the_document(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("it's", content="quoted"), chunk("it_is", content="plain"))
    found = index.id_based_retrieval([section("it_s")], EVERYTHING)
    assert [(chunk.document_id, chunk.content) for chunk in found] == [("it's", "quoted")]
    put(index, chunk("it_s", content="its own"))
    assert contents(index, section("it_s")) == ["its own"]


def test_look_ups_are_filtered_but_not_by_forced_sets(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d", access=access(groups=["eng"])))
    public = IndexFilters(access_control_list=[])
    assert index.id_based_retrieval([section("d")], public) == []
    forced = IndexFilters(access_control_list=["group:eng"], forced_document_set=["Legal"])
    assert len(index.id_based_retrieval([section("d")], forced)) == 1
    assert index.semantic_retrieval(vector(1), forced, 1) == []
    update(index, hidden=True)
    assert index.id_based_retrieval([section("d")], EVERYTHING) == []


def test_look_ups_are_not_cut_off(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk("long", number, f"{number}", embedding=vector(number + 1)) for number in range(10_050)))
    found = index.id_based_retrieval([section("long")], EVERYTHING)
    assert [chunk.chunk_id for chunk in found] == list(range(10_050))


def test_more_sections_than_fit_one_request_keep_their_order(filled: PgVectorDocumentIndex) -> None:
    requests = [section("a", number % 3, number % 3) for number in range(2500)]
    assert contents(filled, *requests) == [f"a {number % 3}" for number in range(2500)]


def test_semantic_scores_fall_from_one(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("same"), chunk("near", embedding=vector(1, 1)), chunk("far", embedding=vector(-1)))
    found = index.semantic_retrieval([2.0 * value for value in vector(1)], EVERYTHING, 9)
    assert [hit.document_id for hit in found] == ["same", "near", "far"]
    assert [hit.score for hit in found] == pytest.approx([1.0, (1 + 2**-0.5) / 2, 0.0], abs=1e-3)


def test_no_more_are_returned_than_asked_for(filled: PgVectorDocumentIndex) -> None:
    assert len(filled.semantic_retrieval(vector(1), EVERYTHING, 4)) == 4
    assert len(filled.random_retrieval(EVERYTHING)) == 10
    assert filled.semantic_retrieval(vector(1), EVERYTHING, 0) == []


def test_random_chunks_differ_from_call_to_call(filled: PgVectorDocumentIndex) -> None:
    drawn = {
        tuple((hit.document_id, hit.chunk_id) for hit in filled.random_retrieval(EVERYTHING, 5, dirty=True))
        for _ in range(20)
    }
    assert len(drawn) > 1
    assert all(hit.score is not None for hit in filled.random_retrieval(EVERYTHING, 5))


def test_a_source_that_is_not_known_does_not_fail_the_search(index: PgVectorDocumentIndex, index_name: str) -> None:
    from onyx_vector_search.models import Access, Chunk, Document, DocumentHead  # noqa: PLC0415  used here only

    head = DocumentHead(id="foreign", source_type="of tomorrow", access=Access(public=True), metadata={"n": 1})
    index._client.index_documents(
        [Document(head, [Chunk(chunk_index=0, content="text", embedding=vector(1))])], index=index_name
    )
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert (found.source_type.value, found.metadata) == ("not_applicable", {"n": "1"})


def test_threads_share_an_index(filled: PgVectorDocumentIndex) -> None:
    results: list[int] = []

    def search() -> None:
        results.extend(len(filled.semantic_retrieval(vector(1), EVERYTHING, 7)) for _ in range(5))

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [7] * 40


def test_a_title_of_its_own_text_does_not_eat_the_content(index: PgVectorDocumentIndex) -> None:
    put(index, chunk(content="A title\n\r\nThe text.", source_document=document("d")))
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.content == "The text."
