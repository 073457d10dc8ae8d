"""Looking around the rarest word of a phrase finds what looking through all of a text does."""

from hypothesis import given
from hypothesis import strategies as st

from app.text.layout import TextLayout
from app.text.phrase_search import find_phrase
from app.text.phrases import MAX_MATCHES, Phrase, parse_query, phrase_spans
from app.text.tokeniser import Tokeniser

ENGLISH = Tokeniser()
WORDS = [
    "pool",
    "pools,",
    "connection",
    "of",
    "the",
    "—",
    "C++",
    "node.js",
    "getById",
    "(size)",
    "wi-fi",
    "検索エンジン",
    "x",
]
TEXTS = st.lists(st.sampled_from([*WORDS, *["filler"] * 20, "\n", "…"]), max_size=150).map(" ".join)


def phrase(text: str) -> Phrase:
    return parse_query(f'"{text}"', ENGLISH).phrases[0]


@given(
    TEXTS, st.lists(st.sampled_from([word for word in WORDS if word != "—"]), min_size=1, max_size=4), st.integers(0, 2)
)
def test_the_same_is_found_as_in_all_tokens(text: str, words: list[str], slop: int) -> None:
    sought = phrase(" ".join(words))
    assert find_phrase(TextLayout(text, ENGLISH), sought, slop) == phrase_spans(ENGLISH.tokens(text), sought, slop)


def test_what_stands_between_blanks_without_words_is_no_distance() -> None:
    text = "filler " * 50 + "the pool — — — — — — size " + "filler " * 50
    [(start, end)] = find_phrase(TextLayout(text, ENGLISH), phrase("the pool size"))
    assert text[start:end] == "the pool — — — — — — size"


def test_phrases_of_stop_words_and_shouted_texts_are_looked_for_throughout() -> None:
    assert find_phrase(TextLayout("to be or not to be, they say", ENGLISH), phrase("to be or not to be")) == [(0, 18)]
    shouted = "IT IS THE POOL SIZE THAT IS IN THE WAY OF IT ALL"
    assert [shouted[a:b] for a, b in find_phrase(TextLayout(shouted, ENGLISH), phrase("pool size"))] == ["POOL SIZE"]


def test_a_text_without_one_of_the_words_has_no_match_and_one_full_of_them_has_not_too_many() -> None:
    assert find_phrase(TextLayout("a pool of connections", ENGLISH), phrase("pool size")) == []
    assert find_phrase(TextLayout("", ENGLISH), phrase("pool size")) == []
    assert len(find_phrase(TextLayout("pool size " * 500, ENGLISH), phrase("pool size"))) == MAX_MATCHES
