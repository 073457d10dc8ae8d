"""Text that can be stored, tags, times, filters, and which rows a replacement changes."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.documents import Chunk, Document, tags, whole_seconds
from app.domain.filters import Filters, TimeRange, keeps_undated
from app.domain.replacement import ChunkKey, ChunkState, plan_replacement
from app.domain.unicode import clean_json, clean_text, is_storable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VECTOR = np.array([1, 2], dtype=np.float32)


def test_control_characters_surrogates_and_non_characters_go() -> None:
    assert clean_text("a\x00b\x07c\x7fd\ud800e\udffff\ufdd0g\uffffh\U0001fffei") == "abcdefghi"
    assert clean_text("tab\tline\nreturn\rnaïve 文書 🙂\u200b\u0085") == "tab\tline\nreturn\rnaïve 文書 🙂\u200b\u0085"


@given(st.text(st.characters(codec=None, categories=None)))
def test_cleaned_text_is_storable_and_stays(text: str) -> None:
    cleaned = clean_text(text)
    assert is_storable(cleaned)
    assert clean_text(cleaned) == cleaned
    cleaned.encode()


def test_json_is_cleaned_in_keys_and_depths() -> None:
    dirty = {"a\x00": ["b\ud800", {"c\x01": "d\x02"}], "n": 1, "t": True, "x": None}
    assert clean_json(dirty) == {"a": ["b", {"c": "d"}], "n": 1, "t": True, "x": None}


def test_ids_may_hold_what_text_may_not_but_neither_nul_nor_surrogates() -> None:
    assert is_storable("bell\x07 \uffff 🙂")
    assert not is_storable("nul\x00")
    assert not is_storable("lone\ud83d")


def test_each_value_is_a_tag() -> None:
    metadata = {"k": "v", "list": ["a", "b"], "n": 1, "b": True, "none": None, "nested": {"x": 1}, "deep": [["x"], "y"]}
    expected = ["k===v", "list===a", "list===b", "n===1", "b===true", "none===null", "deep===y"]
    assert tags(metadata) == expected
    assert tags({}) == []
    assert tags({"empty": []}) == []
    assert tags({"a===b": "c"}) == tags({"a": "b===c"})


def test_times_are_whole_seconds_of_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert whole_seconds(None) is None
    assert whole_seconds(datetime(2026, 3, 1, 17, 30, 0, 999_999, tzinfo=east)) == NOW
    assert whole_seconds(datetime(2026, 3, 1, 12, 0, 0, 1)) == NOW  # noqa: DTZ001  a naive one is UTC


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, False),
        (None, NOW, False),
        (NOW - timedelta(days=91), None, True),
        (NOW - timedelta(days=90, seconds=1), None, True),
        (NOW - timedelta(days=90), None, False),
        (NOW - timedelta(days=89), None, False),
        (NOW - timedelta(days=500), NOW, False),
        (datetime(2025, 1, 1), None, True),  # noqa: DTZ001  without a zone: UTC
        (datetime(2026, 2, 1), None, False),  # noqa: DTZ001
    ],
)
def test_undated_documents_pass_open_ranges_of_long_ago(
    start: datetime | None, end: datetime | None, *, kept: bool
) -> None:
    assert keeps_undated(TimeRange(start, end), NOW) is kept


def test_a_filter_without_conditions_is_open() -> None:
    assert Filters().is_open
    assert Filters(access_given=False).is_open
    assert not Filters(access_control_list=()).is_open
    assert not Filters(hidden=None).is_open
    assert not Filters(persona_id=0).is_open


def state_of(document: Document, chunk: Chunk, tokeniser: str = "english/1") -> ChunkState:
    return ChunkState.of(document, chunk, tokeniser)


def stored(document: Document) -> dict[ChunkKey, ChunkState]:
    return {(document.key, chunk.chunk_index): state_of(document, chunk) for chunk in document.chunks}


def changed(document: Document, before: Document, tokeniser: str = "english/1") -> dict[str, list[int]]:
    """Which chunks go to, and leave, which table."""
    plan, seen = plan_replacement([document], stored(before), tokeniser)
    assert seen == {(document.key, chunk.chunk_index) for chunk in document.chunks}
    found = {
        "chunks": [chunk.chunk_index for _, chunk, _ in plan.chunks],
        "embeddings": [chunk.chunk_index for _, chunk in plan.embeddings],
        "terms": [chunk.chunk_index for _, chunk in plan.terms],
        "stale chunks": [place for _, place in plan.stale_chunks],
        "stale embeddings": [place for _, place in plan.stale_embeddings],
        "stale terms": [place for _, place in plan.stale_terms],
    }
    return {table: places for table, places in found.items() if places}


def document(*chunks: Chunk, title: str | None = "Title") -> Document:
    return Document(id="x", semantic_identifier="x", title=title, chunks=chunks)


ONE, TWO = Chunk(0, "one", VECTOR), Chunk(1, "two", VECTOR)


def test_nothing_changes_where_nothing_differs() -> None:
    assert changed(document(ONE, TWO), document(ONE, TWO)) == {}


def test_new_chunks_go_everywhere_and_nothing_leaves() -> None:
    assert changed(document(ONE, TWO), document(ONE)) == {"chunks": [1], "embeddings": [1], "terms": [1]}


def test_a_tail_is_not_the_plans_business() -> None:
    assert changed(document(ONE), document(ONE, TWO)) == {}


def test_another_text_keeps_its_embedding() -> None:
    other = Chunk(1, "deux", VECTOR)
    expected = {"chunks": [1], "terms": [1], "stale chunks": [1], "stale terms": [1]}
    assert changed(document(ONE, other), document(ONE, TWO)) == expected


def test_another_embedding_keeps_its_terms() -> None:
    other = Chunk(1, "two", VECTOR * 2)
    expected = {"chunks": [1], "embeddings": [1], "stale chunks": [1], "stale embeddings": [1]}
    assert changed(document(ONE, other), document(ONE, TWO)) == expected


def test_embeddings_that_are_stored_alike_are_equal() -> None:
    """Beyond half precision there is no difference."""
    assert changed(document(Chunk(0, "one", VECTOR + np.float32(1e-5))), document(ONE)) == {}


def test_another_title_or_tokeniser_tokenises_anew() -> None:
    expected = {"chunks": [0], "terms": [0], "stale chunks": [0], "stale terms": [0]}
    assert changed(document(ONE, title="Other"), document(ONE)) == expected
    assert changed(document(ONE), document(ONE), tokeniser="english/2") == expected


def test_what_is_shown_changes_only_the_chunk() -> None:
    shown = Chunk(0, "one", VECTOR, blurb="b", source_links={"0": "https://x"})
    assert changed(document(shown), document(ONE)) == {"chunks": [0], "stale chunks": [0]}
    turned = [{"0": "a", "5": "b"}, {"5": "b", "0": "a"}]
    first, second = (Chunk(0, "one", VECTOR, source_links=links) for links in turned)
    assert first.payload_digest() == second.payload_digest()


def test_documents_do_not_meet() -> None:
    other = Document(id="y", semantic_identifier="y", title="Title", chunks=(ONE,))
    plan, _ = plan_replacement([document(ONE), other], stored(document(ONE)), "english/1")
    assert [key for key, _, _ in plan.chunks] == [other.key]
    assert isinstance(other.key, UUID)


def test_means_are_made_of_whole_documents_alone() -> None:
    chunks = tuple(Chunk(index, "x", np.full(2, index, np.float32)) for index in (6, 0, 2, 1))
    new, known = (Document(id=name, semantic_identifier=name, chunks=chunks) for name in ("new", "known"))
    plan, _ = plan_replacement([known, new], {}, "english/1")
    means = [(key, segment, mean.tolist()) for key, segment, mean in plan.segments_of({new.key})]
    assert sorted(means) == [(new.key, 0, [1.0, 1.0]), (new.key, 1, [6.0, 6.0])]
    assert plan.changed_segments(without={new.key}) == [(known.key, 0), (known.key, 1)]
    assert plan.segments_of(()) == []
