"""Long access lists: what is read of a body is what pydantic alone reads of it, wherever the list stands."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.long_lists import LongLists
from app.api.schemas.documents import DeleteBody
from app.api.schemas.search import RetrieveBody, SearchBody
from app.api.schemas.tokens import TokenBody
from app.domain.entries import WrittenEntries, entries_digest
from app.domain.filters import Filters, PermittedFilters

ENTRIES = [f"user_email:{number}@example.com" for number in range(1_000)]


def permit(filters: Filters) -> PermittedFilters:
    return PermittedFilters(**{name: getattr(filters, name) for name in Filters.__dataclass_fields__})


def body(filters: dict[str, Any], **rest: object) -> bytes:
    return orjson.dumps({"index": "i", "limit": 3, "filters": filters, **rest})


def entries_of(read: SearchBody | RetrieveBody) -> object:
    return read.filters.to_domain(include_hidden=False).access_control_list


def test_a_list_is_read_as_without_it_being_long() -> None:
    lists = LongLists()
    data = body({"access_control_list": ENTRIES, "hidden": True}, query="words")
    for _ in range(2):
        read = lists.read(SearchBody, data)
        assert read is not None
        found = read.to_domain(permit)
        plain = SearchBody.model_validate_json(data).to_domain(permit)
        assert isinstance(found.filters.access_control_list, WrittenEntries)
        assert list(found.filters.access_control_list) == ENTRIES
        assert (found.query, found.limit, found.filters.hidden) == (plain.query, plain.limit, True)
        assert found.filters.access_given


def test_a_list_that_comes_again_is_not_read_again() -> None:
    lists = LongLists()
    first, second = (lists.read(SearchBody, body({"access_control_list": ENTRIES}, query=q)) for q in ("a", "b"))
    assert first is not None
    assert second is not None
    one, other = entries_of(first), entries_of(second)
    assert isinstance(one, WrittenEntries)
    assert isinstance(other, WrittenEntries)
    assert one.digest == other.digest == entries_digest(other)
    assert other._read is None  # nobody has looked at it yet
    assert "user_email:7@example.com" in other
    assert other[1:3] == tuple(ENTRIES[1:3])
    assert len(other) == len(ENTRIES)


def test_one_entry_more_is_another_list() -> None:
    lists = LongLists()
    digests = set()
    for entries in (ENTRIES, [*ENTRIES, "group:eng"], ENTRIES[1:], ENTRIES[::-1]):
        read = lists.read(SearchBody, body({"access_control_list": entries}))
        assert read is not None
        found = entries_of(read)
        assert isinstance(found, WrittenEntries)
        assert list(found) == entries
        digests.add(found.digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    "entry",
    ["a]", "]", '"]', "\\", '\\"]', "[", "a,b", '"access_control_list": [', "é", "\u2028", "\U0001f600", "], "],
)
@pytest.mark.parametrize("place", [0, 500, 1_000])
def test_any_character_may_be_in_an_entry(entry: str, place: int) -> None:
    entries = [*ENTRIES[:place], entry, *ENTRIES[place:]]
    data = body({"access_control_list": entries, "hidden": True})
    read = LongLists().read(SearchBody, data) or SearchBody.model_validate_json(data)
    found = entries_of(read)
    assert isinstance(found, WrittenEntries | tuple)
    assert list(found) == entries
    assert read.filters.hidden


@pytest.mark.parametrize(
    "data",
    [
        body({"metadata": {"access_control_list": ENTRIES}}),
        body({"metadata": {"access_control_list": ENTRIES}, "access_control_list": ["a"]}),
        body({"metadata": {'"access_control_list"': ENTRIES}}),
        body({"document_sets": ENTRIES}, query='"access_control_list": ["a"]'),
        body({"access_control_list": None, "document_sets": ENTRIES}),
        body({"access_control_list": [1, *ENTRIES]}),
        body({"access_control_list": ["\0", *ENTRIES]}),
        body({"access_control_list": [ENTRIES]}),
        body({"access_control_list": ENTRIES}, nonsense=1),
        body({"access_control_list": ENTRIES})[:-1],
        b'{"filters":{"access_control_list":%b,"access_control_list":null}}' % orjson.dumps(ENTRIES),
        b'{"filters":{"access_control_list":%b},"filters":{"hidden":true}}' % orjson.dumps(ENTRIES),
        b'{"filters":{"access_control_list":["\\ud800",%b}}' % orjson.dumps(ENTRIES)[1:],
        b"[" * 20_000,
        b'{"filters":{"access_control_list":' + b" " * 20_000,
        b'{"filters":{"access_control_list":[' + b"]" * 20_000,
        body({"access_control_list": ["a"]}),
    ],
)
def test_what_is_something_else_is_left_to_pydantic(data: bytes) -> None:
    lists = LongLists()
    lists.read(SearchBody, body({"access_control_list": ENTRIES}))
    lists.read(SearchBody, body({"access_control_list": ["a"] * 10_000}))
    assert lists.read(SearchBody, data) is None


def test_lists_may_be_written_with_spaces() -> None:
    data = b'{"filters" : {\n "access_control_list" :\t[ %b \r\n] , "hidden": true } }' % orjson.dumps(ENTRIES)[1:-1]
    read = LongLists().read(SearchBody, data)
    assert read is not None
    found = entries_of(read)
    assert isinstance(found, WrittenEntries)
    assert list(found) == ENTRIES
    assert read.filters.hidden


def test_sections_are_asked_for_with_lists_too() -> None:
    data = body({"access_control_list": ENTRIES}, sections=[{"document_id": "d"}]).replace(b'"limit":3,', b"")
    read = LongLists().read(RetrieveBody, data)
    assert read is not None
    assert isinstance(entries_of(read), WrittenEntries)


@pytest.mark.parametrize("model", [TokenBody, DeleteBody])
def test_other_bodies_are_read_whole(model: type[TokenBody | DeleteBody]) -> None:
    assert LongLists().read(model, orjson.dumps({"access_control_list": ENTRIES, "document_ids": ["d"]})) is None


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5))
def test_no_list_is_taken_for_another(entries: list[str]) -> None:
    data = body({"access_control_list": [*entries, *ENTRIES]}, query=" ".join(entries))
    read = LongLists().read(SearchBody, data)
    assert read is None or list(entries_of(read)) == [*entries, *ENTRIES]  # type: ignore[call-overload]
