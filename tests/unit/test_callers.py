"""What a credential allows narrows what a request asks for, and nothing widens it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.callers import EVERY_SCOPE, OPERATOR, Grant, Scope
from app.domain.errors import ForbiddenError
from app.domain.filters import Filters, PermittedFilters, TimeRange
from tests.support.oracle import passes

NOW = datetime.now(UTC).replace(microsecond=0)
DAYS = [NOW - timedelta(days=days) for days in (400, 120, 30, 1)]


def token(**enforced: Any) -> Grant:  # noqa: ANN401  fields of filters
    return Grant("token", frozenset({Scope.READ}), enforced=Filters(**{"access_control_list": ("a", "b")} | enforced))


def test_scopes_are_asked_one_by_one() -> None:
    reader = Grant("r", frozenset({Scope.READ}))
    reader.check_scopes([Scope.READ])
    for missing in EVERY_SCOPE - {Scope.READ}:
        with pytest.raises(ForbiddenError, match=missing):
            reader.check_scopes([Scope.READ, missing])
    OPERATOR.check_scopes(EVERY_SCOPE)


def test_the_tenant_is_one_of_those_allowed() -> None:
    assert Grant("all").tenant(None) == "public"
    assert Grant("all").tenant("t") == "t"
    assert Grant("one", tenants=frozenset({"t"})).tenant(None) == "t"
    two = Grant("two", tenants=frozenset({"t", "u"}))
    assert two.tenant("u") == "u"
    for named in (None, "public", "v", ""):
        with pytest.raises(ForbiddenError):
            two.tenant(named)
    with pytest.raises(ForbiddenError):
        Grant("none", tenants=frozenset()).tenant(None)


def test_the_index_is_one_of_those_allowed() -> None:
    assert Grant("all").index(None, "d") is None
    assert Grant("all").index("i", "d") == "i"
    one = Grant("one", indexes=frozenset({"i"}))
    assert one.index(None, "d") == "i"
    assert one.sees_index("i")
    assert not one.sees_index("d")
    with pytest.raises(ForbiddenError):
        one.index("d", "d")
    two = Grant("two", indexes=frozenset({"i", "d"}))
    assert two.index(None, "d") is None
    with pytest.raises(ForbiddenError):
        two.index("j", "d")


def test_no_access_list_needs_a_scope_of_its_own() -> None:
    reader = Grant("r", frozenset({Scope.READ}))
    with pytest.raises(ForbiddenError, match="unrestricted"):
        reader.permit(Filters(access_control_list=None))
    permitted = reader.permit(Filters(access_control_list=("a",), hidden=None))
    assert isinstance(permitted, PermittedFilters)
    assert (permitted.access_control_list, permitted.hidden) == (("a",), None)
    assert not reader.permit(Filters(access_given=False)).access_given  # an index under access control refuses it
    assert OPERATOR.permit(Filters()).access_control_list is None


def test_a_token_puts_its_list_in_and_cuts_others_down() -> None:
    assert token().permit(Filters(access_given=False)).access_control_list == ("a", "b")
    assert token().permit(Filters(access_given=False)).access_given
    assert token().permit(Filters(access_control_list=("b", "c"))).access_control_list == ("b",)
    assert token().permit(Filters(access_control_list=("c",))).access_control_list == ()
    assert token(access_control_list=()).permit(Filters(access_control_list=("c",))).access_control_list == ()
    with pytest.raises(ForbiddenError):
        token().permit(Filters(access_control_list=None))


@pytest.mark.parametrize(
    ("enforced", "wanted"),
    [
        ({}, {"hidden": None}),
        ({}, {"hidden": True}),
        ({"source_type": ("web",)}, {"source_type": ("web", "slack")}),
        ({"tags": ("k===v",)}, {"tags": ("k===w",)}),
        ({"document_sets": ("A",)}, {"document_ids": ("x",)}),
        ({"document_sets": ("A",)}, {"document_sets": ("A",), "persona_id": 1}),
        ({"persona_id": 1}, {"persona_id": 2}),
        ({"metadata": {"k": 1}}, {"metadata": {"k": 2}}),
    ],
)
def test_a_token_is_not_widened(enforced: dict[str, Any], wanted: dict[str, Any]) -> None:
    with pytest.raises(ForbiddenError, match="filters"):
        token(**enforced).permit(Filters(**{"access_control_list": ("a",)} | wanted))


ENTRIES, WORDS = ("a", "b", "c"), ("x", "y")
ranges = st.builds(
    lambda bounds: TimeRange(*bounds),
    st.sampled_from([(None, None), *itertools.combinations(DAYS, 2), *((at, None) for at in DAYS), (None, DAYS[2])]),
)
words = st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple)
numbers = st.none() | st.sampled_from((1, 2))
clauses: dict[str, st.SearchStrategy[Any]] = {
    "source_type": words,
    "tags": words.map(lambda found: tuple(f"k==={word}" for word in found)),
    "forced_document_sets": words,
    "document_ids": words,
    "document_sets": words,
    "hierarchy_node_ids": st.lists(st.sampled_from((1, 2)), max_size=2, unique=True).map(tuple),
    "persona_id": numbers,
    "project_id": numbers,
    "created_at": ranges,
    "updated_at": ranges,
    "metadata": st.sampled_from((None, {}, {"k": "x"}, {"n": 1}, {"k": "y", "n": 1})),
    "hidden": st.sampled_from((False, None)),
}


@st.composite
def some_filters(draw: st.DrawFn) -> Filters:
    names = draw(st.lists(st.sampled_from(sorted(clauses)), max_size=5, unique=True))
    listed = draw(st.lists(st.sampled_from(ENTRIES), max_size=3, unique=True))
    return Filters(access_control_list=tuple(listed), **{name: draw(clauses[name]) for name in names})


documents = st.fixed_dictionaries(
    {
        "id": st.sampled_from(WORDS),
        "access": st.fixed_dictionaries(
            {"public": st.booleans(), "entries": st.lists(st.sampled_from(ENTRIES), max_size=2)}
        ),
        "hidden": st.booleans(),
        "source_type": st.sampled_from(WORDS),
        "metadata": st.sampled_from(({}, {"k": "x"}, {"k": "y", "n": 1}, {"n": 1})),
        "document_sets": words,
        "hierarchy_node_ids": st.lists(st.sampled_from((1, 2)), max_size=2),
        "persona_ids": st.lists(st.sampled_from((1, 2)), max_size=2),
        "project_ids": st.lists(st.sampled_from((1, 2)), max_size=2),
        "created_at": st.none() | st.sampled_from(DAYS).map(datetime.isoformat),
        "updated_at": st.none() | st.sampled_from(DAYS).map(datetime.isoformat),
    }
)


def body(filters: Filters) -> dict[str, Any]:
    def bounds(window: TimeRange) -> dict[str, Any]:
        return {
            name: None if at is None else at.isoformat() for name, at in (("start", window.start), ("end", window.end))
        }

    names = (
        "source_type", "forced_document_sets", "document_ids", "document_sets", "hierarchy_node_ids", "persona_id",
        "project_id", "metadata", "hidden",
    )  # fmt: skip
    return {name: getattr(filters, name) for name in names} | {
        "access_control_list": filters.access_control_list,
        "tags": [dict(zip(("key", "value"), tag.split("==="), strict=True)) for tag in filters.tags],
        "created_at": bounds(filters.created_at),
        "updated_at": bounds(filters.updated_at),
    }


@settings(max_examples=500, deadline=None)
@given(some_filters(), some_filters(), st.lists(documents, min_size=1, max_size=12))
def test_what_a_token_permits_is_what_both_permit(
    enforced: Filters, wanted: Filters, library: list[dict[str, Any]]
) -> None:
    grant = Grant("token", frozenset({Scope.READ}), enforced=enforced)
    try:
        permitted = grant.permit(wanted)
    except ForbiddenError:
        return
    for document in library:
        seen = passes(document, body(permitted), include_hidden=permitted.hidden is None, now=NOW)
        allowed = passes(document, body(enforced), include_hidden=enforced.hidden is None, now=NOW)
        asked = passes(document, body(wanted), include_hidden=wanted.hidden is None, now=NOW)
        # Entries are cut down to those of both lists, so what only different entries of them open is not seen.
        assert not seen or (allowed and asked), (document, enforced, wanted)
        if wanted.access_control_list == enforced.access_control_list:
            assert seen == (allowed and asked), (document, enforced, wanted)
