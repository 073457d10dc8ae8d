"""What is indexed is tokenised once, and its words are written once."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.documents import Chunk, Document
from app.domain.indexes import Index
from app.services import vocabulary
from app.services.vocabulary import Stretches, Vocabulary
from app.text.hashing import term_id
from app.text.tokeniser import Tokeniser

INDEX = Index(
    index_id=1, tenant_id="public", name="x", embedding_dimension=2, language="english", access_control=False,
    rank_profile="default", tokeniser_version=1, average_length=None, background_cosine=None, graph=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
ENGLISH = Tokeniser("english")
SHOUTED = "IT IS A TEXT THAT WAS SHOUTED"


class Written:
    """Takes the place of the table; fails when told to."""

    def __init__(self) -> None:
        self.calls: list[dict[str, int]] = []
        self.broken = False

    async def add_words(self, _index: Index, words: dict[str, int]) -> None:
        if self.broken:
            raise ConnectionError
        self.calls.append(words)


def made(written: Written) -> Vocabulary:
    repository: Any = written
    return Vocabulary(repository)


def document(*contents: str, title: str | None = None) -> Document:
    chunks = tuple(Chunk(place, content) for place, content in enumerate(contents))
    return Document(id="d", semantic_identifier="d", title=title, chunks=chunks)


def counted(bag: bytes) -> Counter[int]:
    return Counter(np.frombuffer(bag, np.int32).tolist())


@given(st.text(max_size=60) | st.sampled_from([SHOUTED, "wi-fi's naïve “quotes” 東京都 x" + "y" * 70]))
def test_a_bag_holds_what_the_tokeniser_counts(text: str) -> None:
    stretches = Stretches(ENGLISH)
    assert counted(stretches.bag(text)) == counted(stretches.bag(text)) == ENGLISH.terms(text)


def test_words_are_listed_as_written_with_the_term_they_stand_for() -> None:
    stretches = Stretches(ENGLISH)
    stretches.bag("The Résumés configuration")
    assert stretches.unwritten().listed() == {"resumes": term_id("resum"), "configuration": term_id("configur")}


@given(
    st.lists(
        st.text(st.sampled_from("東京都検索エンジンがガー한국어々ｶﾞ龥の"), max_size=90)
        | st.sampled_from(["API", "wi-fi", "user's", "getById", ".NET", "C++", "(net)", "The", "IT", "—", SHOUTED]),
        max_size=12,
    )
)
def test_the_words_of_a_text_are_those_of_its_tokens(parts: list[str]) -> None:
    for text in (" ".join(parts), "、".join(parts)):
        stretches = Stretches(ENGLISH)
        stretches.bag(text)
        assert stretches.unwritten().listed() == {
            token.surface: token.id for token in ENGLISH.tokens(text) if not token.stop
        }


async def test_titles_belong_to_every_chunk() -> None:
    bags = await made(Written()).learn(INDEX, [document("green tea", "tea", title="Tea")])
    (tea,) = ENGLISH.terms("tea")
    assert [counted(bag)[tea] for bag in bags.values()] == [2, 2]


async def test_words_are_written_once() -> None:
    written = Written()
    known = made(written)
    await known.learn(INDEX, [document("Green tea", "tea", title="Leaves")])
    await known.learn(INDEX, [document("tea Leaves tea")])
    await known.learn(INDEX, [document("tea kettle")])
    assert [set(words) for words in written.calls] == [{"green", "tea", "leaves"}, {"kettle"}]


async def test_words_that_could_not_be_written_are_written_the_next_time() -> None:
    written = Written()
    known = made(written)
    written.broken = True
    with pytest.raises(ConnectionError):
        await known.learn(INDEX, [document("tea")])
    written.broken = False
    await known.learn(INDEX, [document("coffee")])
    assert [set(words) for words in written.calls] == [{"tea", "coffee"}]


async def test_blobs_are_no_words_and_are_looked_at_once() -> None:
    written = Written()
    known = made(written)
    blob = "q" * 70
    for _ in range(2):
        bags = await known.learn(INDEX, [document(f"{blob} tea", f"see:{'w' * 60}/tea")])
        assert counted(bags[document("").key, 0]) == ENGLISH.terms(f"{blob} tea")
    (words,) = written.calls
    assert blob not in words
    assert {"see", "tea"} <= set(words)


async def test_little_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_REMEMBERED", 10)
    written = Written()
    known = made(written)
    for number in range(20):
        await known.learn(INDEX, [document(f"lasting word{number}a word{number}b word{number}c")])
        assert len(known._of(INDEX)) <= 14
    assert sum("lasting" in words for words in written.calls) == 1  # what comes again and again stays
    other = INDEX.__class__(**{name: getattr(INDEX, name) for name in INDEX.__slots__} | {"index_id": 2})
    await known.learn(other, [document(" ".join(f"other{number}" for number in range(20)))])
    assert list(known._stretches) == [1, 2]
    await known.learn(other, [document("tea")])
    assert sum(map(len, known._stretches.values())) <= 24
