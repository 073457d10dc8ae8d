"""A model change: raw chunks read, embedded anew, written where nothing is; and what may be taken back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import TenantState
from onyx.document_index.opensearch.schema import DocumentChunk, DocumentChunkWithoutVectors
from onyx_objects import EVERYTHING, access, chunk, document, make_index, put, seen, update, vector
from onyx_vector_search import Client
from onyx_vector_search.adapter import PgVectorDocumentIndex


@pytest.fixture
def future(onyx_client: Client, index_name: str) -> PgVectorDocumentIndex:
    made = make_index(onyx_client, f"{index_name}_future")
    made.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    return made


def read(index: PgVectorDocumentIndex, *document_ids: str) -> list[DocumentChunkWithoutVectors]:
    return [chunk for page in index.reader().iter_chunks_for_doc_ids(list(document_ids)) for chunk in page]


def embedded(raw: DocumentChunkWithoutVectors, **changes: Any) -> DocumentChunk:
    vectors = {"content_vector": vector(0, 1), "title_vector": vector(0, 0, 1) if raw.title else None}
    values = {name: getattr(raw, name) for name in DocumentChunkWithoutVectors.model_fields}
    return DocumentChunk(**values | vectors | {"written_by_port": True} | changes)


def copy(source: PgVectorDocumentIndex, to: PgVectorDocumentIndex, *document_ids: str) -> None:
    to.writer.index_raw_chunks([embedded(raw) for raw in read(source, *document_ids)], use_create_only=True)


def test_a_scan_goes_by_document_and_chunk_over_pages(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk(name, number) for name in ("b", "a", "c") for number in range(12)))
    pages = list(index.reader().iter_chunks_for_doc_ids(["b", "a", "b", "never"], page_size=5))
    assert [len(page) for page in pages] == [5, 5, 5, 5, 4]
    found = [(raw.document_id, raw.chunk_index) for page in pages for raw in page]
    assert found == [(name, number) for name in ("a", "b") for number in range(12)]
    assert list(index.reader().iter_chunks_for_doc_ids([])) == []


def test_a_scan_shows_everything_raw_whoever_may_read_it(index: PgVectorDocumentIndex) -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    put(
        index,
        chunk(
            content="Bare.",
            title_prefix="A title\n\r\n",
            doc_summary="Summary. ",
            chunk_context=" Context.",
            metadata_suffix_keyword="\n\r\nZ A",
            source_document=document(
                "d", metadata={"zebra": "Z", "ape": ["A", "B"]}, doc_updated_at=moment, doc_created_at=moment
            ),
            access=access(groups=["eng"]),
            document_sets={"Legal"},
            user_project=[1],
            personas=[2],
            ancestor_hierarchy_node_ids=[3],
            boost=4,
        ),
    )
    update(index, hidden=True)
    (raw,) = read(index, "d")
    assert raw.content == "A title\n\r\nSummary. Bare. Context.\n\r\nZ A"
    assert (raw.doc_summary, raw.chunk_context, raw.metadata_suffix) == ("Summary. ", " Context.", "\n\r\nZ A")
    assert raw.metadata_list == ["zebra===Z", "ape===A", "ape===B"]
    assert (raw.public, raw.access_control_list, raw.hidden) == (False, ["group:eng"], True)
    assert (raw.document_sets, raw.user_projects, raw.personas) == (["Legal"], [1], [2])
    assert (raw.ancestor_hierarchy_node_ids, raw.global_boost) == ([3], 4)
    assert (raw.last_updated, raw.created_at, raw.written_by_port) == (moment, moment, None)
    assert json.loads(raw.source_links or "") == {"0": "https://example.org/0"}
    assert raw.tenant_id == TenantState(tenant_id="public", multitenant=False)


def test_a_copy_is_the_same_document_under_another_vector(
    index: PgVectorDocumentIndex, future: PgVectorDocumentIndex
) -> None:
    source = document("d", metadata={"k": ["v", "w"], "a": "b"})
    put(index, *(chunk("d", number, f"text {number}", source_document=source, access=access(groups=["eng"]),
                       document_sets={"Legal"}, boost=3) for number in range(3)))  # fmt: skip
    update(index, hidden=True)
    copy(index, future, "d")
    originals, copies = read(index, "d"), read(future, "d")
    assert [raw.model_copy(update={"written_by_port": None}) for raw in copies] == originals
    assert {raw.written_by_port for raw in copies} == {True}
    update(future, hidden=False)
    assert future.semantic_retrieval(vector(0, 1), EVERYTHING, 1)[0].score == pytest.approx(1.0)


def test_a_copy_never_overwrites_what_indexing_has_written(
    index: PgVectorDocumentIndex, future: PgVectorDocumentIndex
) -> None:
    put(index, chunk("d", 0, "old"), chunk("d", 1, "old"))
    stale = [embedded(raw) for raw in read(index, "d")]
    put(future, chunk("d", 0, "fresh", access=access(groups=["eng"])))
    future.writer.index_raw_chunks(stale, use_create_only=True)
    assert [raw.content for raw in read(future, "d")] == ["fresh"]
    assert seen(future) == set()


def test_a_copy_may_come_in_pieces_and_be_repeated(index: PgVectorDocumentIndex, future: PgVectorDocumentIndex) -> None:
    put(index, *(chunk("d", number, f"text {number}") for number in range(6)))
    raw = [embedded(item) for item in read(index, "d")]
    future.writer.index_raw_chunks(raw[:4], use_create_only=True)
    future.writer.index_raw_chunks(raw[2:], use_create_only=True)
    future.writer.index_raw_chunks(raw, use_create_only=True)
    assert [item.content for item in read(future, "d")] == [f"text {number}" for number in range(6)]


def test_only_what_the_port_wrote_is_taken_back(index: PgVectorDocumentIndex, future: PgVectorDocumentIndex) -> None:
    put(index, chunk("gone", 0), chunk("gone", 1), chunk("back"))
    copy(index, future, "gone", "back")
    put(future, chunk("back", content="re-added"))
    assert future.writer.delete_port_written_chunks(["gone", "back", "gone", "never"]) == 2
    assert seen(future) == {"back"}
    assert future.writer.delete_port_written_chunks([]) == 0


def test_an_update_of_a_copy_holds_and_leaves_its_mark(
    index: PgVectorDocumentIndex, future: PgVectorDocumentIndex
) -> None:
    put(index, chunk("d"))
    copy(index, future, "d")
    update(future, access=access(groups=["eng"]))
    copy(index, future, "d")
    (raw,) = read(future, "d")
    assert (raw.public, raw.access_control_list, raw.written_by_port) == (False, ["group:eng"], True)


def test_raw_chunks_overwrite_where_that_is_asked_for(
    future: PgVectorDocumentIndex, index: PgVectorDocumentIndex
) -> None:
    put(index, chunk("d", 0, "new"))
    put(future, chunk("d", 0, "old"), chunk("d", 1, "stays"))
    future.writer.index_raw_chunks([embedded(raw, written_by_port=None) for raw in read(index, "d")])
    assert [raw.content for raw in read(future, "d")] == ["new", "stays"]


def test_a_scan_keeps_to_its_tenant(onyx_client: Client, index_name: str) -> None:
    one = make_index(onyx_client, index_name)
    one.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    other = onyx_client.for_tenant(f"tenant_{index_name[-12:]}")
    put(one, chunk("d", content="of one"))
    from onyx_vector_search.models import IndexSettings  # noqa: PLC0415  used here only

    other.put_index(index_name, IndexSettings(embedding_dimension=8))
    assert list(other.scan_chunks(["d"], index=index_name)) == []
    assert [raw.content for raw in read(one, "d")] == ["of one"]
