"""Who sees what: Onyx's filters through the adapter."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from onyx.configs.constants import DocumentSource
from onyx.context.search.models import IndexFilters, Tag, TimeRange
from onyx_objects import EVERYTHING, access, chunk, document, ids, put, seen, update, vector
from onyx_vector_search.adapter import PgVectorDocumentIndex

NOW = datetime.now(UTC).replace(microsecond=0)


def dated(name: str, *, updated: datetime | None = None, created: datetime | None = None, **changes: Any) -> Any:
    return chunk(name, source_document=document(name, doc_updated_at=updated, doc_created_at=created), **changes)


@pytest.fixture
def secured(index: PgVectorDocumentIndex) -> PgVectorDocumentIndex:
    put(
        index,
        chunk("public", access=access(public=True)),
        chunk("ann", access=access(emails=["ann@example.org"])),
        chunk("eng", access=access(groups=["eng"])),
        chunk("nobody", access=access()),
    )
    return index


def test_entries_see_their_own_and_what_is_public(secured: PgVectorDocumentIndex) -> None:
    assert seen(secured, "user_email:ann@example.org") == {"public", "ann"}
    assert seen(secured, "group:eng", "user_email:ann@example.org", "PUBLIC") == {"public", "ann", "eng"}
    assert seen(secured, "group:other") == {"public"}


def test_entries_are_compared_as_they_are(secured: PgVectorDocumentIndex) -> None:
    assert seen(secured, "USER_EMAIL:ann@example.org", "group:Eng", "ann@example.org") == {"public"}


def test_an_empty_list_sees_what_is_public_and_none_sees_everything(secured: PgVectorDocumentIndex) -> None:
    assert seen(secured) == {"public"}
    assert ids(secured.semantic_retrieval(vector(1), EVERYTHING, 9)) == {"public", "ann", "eng", "nobody"}


def test_a_list_of_tens_of_thousands_of_entries_works(secured: PgVectorDocumentIndex) -> None:
    entries = [f"external_group:google_drive_{number}" for number in range(70_000)]
    assert seen(secured, *entries, "group:eng") == {"public", "eng"}


def test_every_kind_of_search_is_filtered(secured: PgVectorDocumentIndex) -> None:
    wanted = IndexFilters(access_control_list=["group:eng"])
    assert ids(secured.random_retrieval(wanted, 9)) == {"public", "eng"}
    assert ids(secured.semantic_retrieval(vector(1), wanted, 9)) == {"public", "eng"}


def test_hidden_documents_are_not_found(secured: PgVectorDocumentIndex) -> None:
    update(secured, "public", hidden=True)
    assert seen(secured) == set()
    assert ids(secured.random_retrieval(EVERYTHING, 9)) == {"ann", "eng", "nobody"}


def test_source_types_are_alternatives(index: PgVectorDocumentIndex) -> None:
    put(index, *(chunk(source.value, source_document=document(source.value, source=source))
                 for source in (DocumentSource.WEB, DocumentSource.SLACK, DocumentSource.FILE)))  # fmt: skip
    assert seen(index, source_type=[DocumentSource.SLACK, DocumentSource.FILE]) == {"slack", "file"}
    assert seen(index, source_type=[]) == {"web", "slack", "file"}


def test_any_tag_suffices_whatever_its_key(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("a", source_document=document("a", metadata={"k": "v", "l": ["1", "2"]})),
        chunk("b", source_document=document("b", metadata={"k": "w"})),
        chunk("c"))  # fmt: skip
    assert seen(index, tags=[Tag(tag_key="l", tag_value="2")]) == {"a"}
    assert seen(index, tags=[Tag(tag_key="l", tag_value="1"), Tag(tag_key="k", tag_value="w")]) == {"a", "b"}
    assert seen(index, tags=[Tag(tag_key="l", tag_value="v")]) == set()
    assert seen(index, tags=[]) == {"a", "b", "c"}


@pytest.fixture
def scoped(index: PgVectorDocumentIndex) -> PgVectorDocumentIndex:
    put(
        index,
        chunk("set", document_sets={"Legal", "Sales"}),
        chunk("project", user_project=[0]),
        chunk("persona", personas=[7]),
        chunk("node", ancestor_hierarchy_node_ids=[1, 2]),
        chunk("plain"),
    )
    return index


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"document_set": ["Legal"]}, {"set"}),
        ({"project_id_filter": 0}, {"project"}),
        ({"persona_id_filter": 7}, {"persona"}),
        ({"hierarchy_node_ids": [2, 3]}, {"node"}),
        ({"attached_document_ids": ["plain"]}, {"plain"}),
        ({"document_set": ["Legal"], "project_id_filter": 0}, {"set", "project"}),
        ({"attached_document_ids": ["plain"], "hierarchy_node_ids": [1], "persona_id_filter": 7},
         {"plain", "node", "persona"}),
        ({"document_set": [], "attached_document_ids": [], "hierarchy_node_ids": []},
         {"set", "project", "persona", "node", "plain"}),
        ({"project_id_filter": 1}, set()),
        ({"forced_document_set": ["Sales"]}, {"set"}),
        ({"forced_document_set": ["Sales"], "project_id_filter": 0}, set()),
        ({"forced_document_set": ["Sales"], "document_set": ["Legal"]}, {"set"}),
    ],
)  # fmt: skip
def test_the_knowledge_scope_is_any_of_its_parts(
    scoped: PgVectorDocumentIndex, filters: dict[str, Any], expected: set[str]
) -> None:
    assert seen(scoped, **filters) == expected


def test_scope_and_access_must_both_hold(index: PgVectorDocumentIndex) -> None:
    put(index, chunk("d", document_sets={"Legal"}, access=access(groups=["eng"])))
    assert seen(index, document_set=["Legal"]) == set()
    assert seen(index, "group:eng", document_set=["Legal"]) == {"d"}


def test_windows_include_their_bounds_to_the_second(index: PgVectorDocumentIndex) -> None:
    put(index, dated("d", updated=NOW + timedelta(milliseconds=700), created=NOW))
    second = timedelta(seconds=1)
    assert seen(index, updated_at_range=TimeRange(start=NOW, end=NOW)) == {"d"}
    assert seen(index, updated_at_range=TimeRange(start=NOW + second)) == set()
    assert seen(index, created_at_range=TimeRange(end=NOW - second)) == set()
    assert seen(index, created_at_range=TimeRange(end=NOW)) == {"d"}


def test_windows_without_a_zone_are_utc_and_without_bounds_are_none(index: PgVectorDocumentIndex) -> None:
    put(index, dated("d", updated=NOW))
    naive = NOW.replace(tzinfo=None)
    assert seen(index, updated_at_range=TimeRange(start=naive, end=naive)) == {"d"}
    assert seen(index, updated_at_range=TimeRange(), created_at_range=TimeRange()) == {"d"}


def test_undated_documents_pass_by_the_rules(index: PgVectorDocumentIndex) -> None:
    put(index, dated("undated"))
    long_ago, lately = NOW - timedelta(days=91), NOW - timedelta(days=89)
    assert seen(index, updated_at_range=TimeRange(start=long_ago)) == {"undated"}
    assert seen(index, updated_at_range=TimeRange(start=lately)) == set()
    assert seen(index, updated_at_range=TimeRange(start=long_ago, end=NOW)) == set()
    assert seen(index, updated_at_range=TimeRange(end=NOW)) == set()
    assert seen(index, created_at_range=TimeRange(start=lately, end=NOW)) == {"undated"}


def test_a_window_that_ends_before_it_starts_keeps_only_what_has_no_date(index: PgVectorDocumentIndex) -> None:
    put(index, dated("dated", updated=NOW, created=NOW), dated("undated"))
    reversed_window = TimeRange(start=NOW, end=NOW - timedelta(days=1))
    assert seen(index, created_at_range=reversed_window) == {"undated"}
    assert seen(index, updated_at_range=reversed_window) == set()


def test_activity_overlaps_a_period(index: PgVectorDocumentIndex) -> None:
    """Active in a period: updated since its start, created before its end."""
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)
    year = timedelta(days=365)
    put(
        index,
        dated("before", updated=start - year, created=start - 2 * year),
        dated("into", updated=start + year / 2, created=start - year),
        dated("through", updated=end + year, created=start - year),
        dated("after", updated=end + year, created=end + year / 2),
        dated("not created", updated=start + year / 2),
    )
    found = seen(index, updated_at_range=TimeRange(start=start), created_at_range=TimeRange(end=end))
    assert found == {"into", "through", "not created"}
