"""Keys are on disk: these values hold for ever."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.documents import Access
from app.domain.keys import digest, document_key, entry_keys, sanitised_key

parts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def test_keys_are_pinned() -> None:
    assert document_key("https://example.com/a'b") == UUID("2ac1c562-1859-8eb9-87ef-6a373b9a2b3b")
    assert document_key("文書/🙂") == UUID("e58f61a4-72a2-7a42-c30e-d07131b1bb5c")
    assert entry_keys(["user_email:a@x.io"]) == [bytes.fromhex("fd1e98e1ed38cdb507086f75c21b0301")]
    assert digest("a", None, b"b", "") == UUID("546eeae3-2a26-8b81-354c-1d2c93235d95")
    assert Access(public=False, entries=("group:b", "group:a")).digest == UUID("5cc74de5-4c65-69b0-fcb0-9b0d70446400")


def test_keys_differ_where_texts_do() -> None:
    names = ["x", "x/", "X", "", " x", "a/b", "ab", "é", "e\u0301"]
    assert len({document_key(name) for name in names}) == len(names)
    assert [document_key("user_email:a@x.io").bytes] != entry_keys(["user_email:a@x.io"])


def test_an_id_with_an_apostrophe_has_a_second_key() -> None:
    assert sanitised_key("it's") == document_key("it_s")
    assert sanitised_key("its") is None


@given(st.lists(parts, max_size=4), st.lists(parts, max_size=4))
def test_only_equal_parts_have_equal_digests(first: list[str | None], second: list[str | None]) -> None:
    assert (digest(*first) == digest(*second)) == (first == second)


def test_the_order_of_access_entries_means_nothing_and_public_does() -> None:
    assert Access(public=True, entries=("a", "b")).digest == Access(public=True, entries=("b", "a", "b")).digest
    assert Access(public=True, entries=("a",)).digest != Access(public=False, entries=("a",)).digest
    assert Access(public=False, entries=("a", "b")).digest != Access(public=False, entries=("ab",)).digest
    assert len(Access(public=False, entries=("a", "a", "b")).entry_keys) == 2
