"""What index() and delete() leave behind."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from onyx.connectors.models import BasicExpertInfo
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import DocumentSectionRequest, IndexingMetadata
from onyx.indexing.models import DocMetadataAwareIndexChunk
from onyx_objects import EVERYTHING, NO_METADATA, access, chunk, document, ids, make_index, put, seen, update, vector
from onyx_vector_search import Client, DuplicateDocumentError, IndexMismatchError, Options, RequestRefusedError
from onyx_vector_search.adapter import PgVectorDocumentIndex


def whole(index: PgVectorDocumentIndex, document_id: str = "d") -> list[str]:
    request = DocumentSectionRequest(document_id=document_id)
    return [found.content for found in index.id_based_retrieval([request], EVERYTHING)]


def test_records_tell_new_documents_from_old_ones_in_the_order_they_came(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("old"))
    records = index.index([chunk("new"), chunk("old"), chunk("other")], NO_METADATA)
    assert [(record.document_id, record.already_existed) for record in records] == [
        ("new", False), ("old", True), ("other", False),
    ]  # fmt: skip


def test_documents_the_metadata_names_and_no_chunk_belongs_to_are_left_alone(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("failed", content="stays"))
    counts = IndexingMetadata.ChunkCounts(old_chunk_cnt=1, new_chunk_cnt=0)
    metadata = IndexingMetadata(doc_id_to_chunk_cnt_diff={"failed": counts, "d": counts})
    records = index.index([chunk("d")], metadata)
    assert [record.document_id for record in records] == ["d"]
    assert whole(index, "failed") == ["stays"]


def test_chunks_may_come_from_an_iterator_that_is_read_once(index: PgVectorDocumentIndex) -> None:
    def chunks() -> Iterator[DocMetadataAwareIndexChunk]:
        for number in range(30):
            yield chunk("a" if number < 20 else "b", number % 20, f"text {number}")

    assert len(index.index(chunks(), NO_METADATA)) == 2
    assert whole(index, "a") == [f"text {number}" for number in range(20)]
    assert len(whole(index, "b")) == 10


def test_a_document_that_became_shorter_loses_its_tail(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk("d", number, f"text {number}") for number in range(5)))
    put(index, *(chunk("d", number, f"new {number}") for number in range(2)))
    assert whole(index) == ["new 0", "new 1"]


def test_the_chunks_of_a_document_must_be_together(index: PgVectorDocumentIndex) -> None:
    with pytest.raises(DuplicateDocumentError, match='"a" came twice'):
        put(index, chunk("a", 0), chunk("b", 0), chunk("a", 1))


def test_a_hidden_document_stays_hidden_when_it_is_indexed_anew(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d"))
    update(index, hidden=True)
    put(index, chunk("d", content="again"))
    assert seen(index) == set()
    update(index, hidden=False)
    assert seen(index) == {"d"}


def test_large_chunks_are_left_out(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d", 0, "small"), chunk("d", 0, "large", large_chunk_id=0))
    assert whole(index) == ["small"]


def test_ids_are_kept_as_they_are(index: PgVectorDocumentIndex) -> None:
    names = ["a/b", "ab", "x", "x/", "https://example.org/it's?q=1#ä", "C__123.45", " "]
    put(index, *(chunk(name, content=name) for name in names))
    assert seen(index) == set(names)
    for name in names:
        assert whole(index, name) == [name] or name == " "
    assert [index.delete(name) for name in names] == [1] * len(names)


def test_text_is_cleaned_and_what_was_glued_on_comes_off_again(index: PgVectorDocumentIndex) -> None:
    put(
        index,
        chunk(
            content="Bare\x00 text.",
            title_prefix="A title\n\r\n",
            doc_summary="Sum\x01mary. ",
            chunk_context=" Con\ud800text.",
            metadata_suffix_keyword="\n\r\nJane Doe",
            blurb="Bare\x00",
            source_document=document("d", metadata={"ke\x00y": ["a\x01", "b"]}, semantic_identifier="Na\x02me"),
        ),
    )
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.content == "Bare text."
    assert (found.blurb, found.semantic_identifier, found.metadata) == ("Bare", "Name", {"key": ["a", "b"]})


def test_a_found_chunk_is_complete(index: PgVectorDocumentIndex) -> None:
    updated = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    source = document(
        "d",
        metadata={"author": "Ann", "tags": ["x", "y"]},
        doc_updated_at=updated,
        primary_owners=[BasicExpertInfo(email="ann@example.org")],
        secondary_owners=[BasicExpertInfo(email="bob@example.org")],
    )
    put(
        index,
        chunk(
            chunk_id=3,
            source_document=source,
            boost=-2,
            image_file_id="image-1",
            source_links={0: "https://a", 10: "https://b", 9: "https://c"},
        ),
    )
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 10)
    assert (found.document_id, found.chunk_id, found.source_type.value) == ("d", 3, "web")
    assert (found.title, found.semantic_identifier, found.boost, found.hidden) == ("A title", "About d", -2, False)
    assert found.source_links == {0: "https://a", 9: "https://c", 10: "https://b"}
    assert list(found.source_links) == [0, 9, 10]
    assert (found.image_file_id, found.section_continuation) == ("image-1", False)
    assert found.metadata == {"author": "Ann", "tags": ["x", "y"]}
    assert found.updated_at == updated
    assert (found.primary_owners, found.secondary_owners) == (["ann@example.org"], ["bob@example.org"])
    assert found.score == pytest.approx(1.0)
    assert found.match_highlights == []


def test_a_document_without_a_title_has_none(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("none", source_document=document("none", title=""), title_embedding=None))
    put(index, chunk("blank", source_document=document("blank", title=" \n ")))
    put(index, chunk("other", source_document=document("other", title=None, semantic_identifier="Named\n so")))
    found = {hit.document_id: hit.title for hit in index.semantic_retrieval(vector(1), EVERYTHING, 10)}
    assert found == {"none": None, "blank": None, "other": "Named  so"}


def test_times_without_a_zone_are_utc(index: PgVectorDocumentIndex) -> None:
    put(index, chunk(source_document=document("d", doc_updated_at=datetime(2024, 5, 1, 12))))  # noqa: DTZ001  the point
    (found,) = index.semantic_retrieval(vector(1), EVERYTHING, 1)
    assert found.updated_at == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_delete_says_how_many_chunks_went_whatever_the_count_says(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d", 0), chunk("d", 1), chunk("e"))
    assert index.delete("d", chunk_count=77) == 2
    assert index.delete("d") == 0
    assert index.delete("never") == 0
    assert seen(index) == {"e"}


def test_hidden_documents_are_deleted_too(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d"))
    update(index, hidden=True)
    assert index.delete("d", 0) == 1


def test_a_vector_of_another_dimension_is_refused_and_changes_nothing(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d", content="before"))
    with pytest.raises(RequestRefusedError, match="9 numbers came"):
        put(index, chunk("d", content="after", embedding=[1.0] * 9))
    assert whole(index) == ["before"]


def test_verification_may_be_repeated_and_refuses_another_dimension(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d"))
    index.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    with pytest.raises(IndexMismatchError, match="embedding_dimension 8 instead of 16"):
        index.verify_and_create_index_if_necessary(16, EmbeddingPrecision.BFLOAT16)
    assert seen(index) == {"d"}


def test_tenants_have_indexes_of_their_own_made_at_the_first_write(onyx_client: Client, index_name: str) -> None:
    one = make_index(onyx_client, index_name, tenant=f"tenant_{index_name[-12:]}", multitenant=True)
    two = make_index(onyx_client, index_name, tenant=f"other_{index_name[-12:]}", multitenant=True)
    assert seen(one) == set()
    assert one.delete("d") == 0
    update(one, boost=1)
    assert one.id_based_retrieval([DocumentSectionRequest(document_id="d")], EVERYTHING) == []
    put(one, chunk("d", content="of one"))
    put(two, chunk("d", content="of two"), chunk("e"))
    assert (seen(one), seen(two)) == ({"d"}, {"d", "e"})
    assert one.delete("d") == 1
    assert (seen(one), whole(two)) == (set(), ["of two"])


def test_a_tenant_is_that_of_the_object_whatever_the_filters_say(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d"))
    assert seen(index, tenant_id="another") == {"d"}
    assert seen(index, tenant_id=None) == {"d"}


def test_an_index_that_was_dropped_is_made_again_at_the_write_after_next(onyx_client: Client, index_name: str) -> None:
    index = make_index(onyx_client, index_name, tenant=f"tenant_{index_name[-12:]}", multitenant=True)
    put(index, chunk("d"))
    index.drop()
    with pytest.raises(RequestRefusedError):
        put(index, chunk("e"))
    put(index, chunk("e"))
    assert seen(index) == {"e"}


def test_documents_of_many_sizes_go_in_batches_and_parts(service_url: str, index_name: str) -> None:
    with Client(service_url, options=Options(part_bytes=4000)) as client:
        index = make_index(client, index_name)
        index.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
        chunks = [chunk(f"small {number}", content="s" * 300) for number in range(20)]
        chunks += [chunk("large", number, f"{number}" * 100) for number in range(100)]
        chunks += [chunk("last")]
        records = index.index(iter(chunks), NO_METADATA)
        assert [record.document_id for record in records] == [*(f"small {n}" for n in range(20)), "large", "last"]
        assert len(whole(index, "large")) == 100
        records = index.index([chunk("large", number, "short") for number in range(60)], NO_METADATA)
        assert [record.already_existed for record in records] == [True]
        assert len(whole(index, "large")) == 60
        assert ids(index.random_retrieval(EVERYTHING, 200)) == {*(f"small {n}" for n in range(20)), "large", "last"}


def test_who_may_read_a_large_document_is_that_of_the_new_version(service_url: str, index_name: str) -> None:
    with Client(service_url, options=Options(part_bytes=2000)) as client:
        index = make_index(client, index_name)
        index.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
        put(index, *(chunk("d", number, "x" * 300) for number in range(20)))
        assert seen(index) == {"d"}
        put(index, *(chunk("d", number, "x" * 300, access=access(groups=["eng"])) for number in range(20)))
        assert (seen(index), seen(index, "group:eng")) == (set(), {"d"})
