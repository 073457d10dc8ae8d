"""Queries as people type them, and phrases in text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.phrases import (
    MAX_MATCHES,
    MAX_PHRASES,
    MAX_PREFIXES,
    MAX_QUERY_CHARACTERS,
    MAX_QUERY_TERMS,
    parse_query,
    phrase_spans,
)
from app.text.tokeniser import Tokeniser

ENGLISH = Tokeniser()


def terms(query: str) -> list[str]:
    return [term.text for term in parse_query(query, ENGLISH).terms]


def found(text: str, phrase: str, slop: int = 0) -> bool:
    (parsed,) = parse_query(f'"{phrase}"', ENGLISH).phrases
    return bool(phrase_spans(ENGLISH.tokens(text), parsed, slop))


def test_a_repeated_word_counts_as_often_as_it_is_asked_for() -> None:
    (term,) = parse_query("Tests test testing", ENGLISH).terms
    assert (term.text, term.qtf, term.surface) == ("test", 3, "tests")


def test_quoted_words_are_a_phrase_and_terms_as_well() -> None:
    parsed = parse_query('slow "connection pool" size', ENGLISH)
    assert [phrase.text for phrase in parsed.phrases] == ["connection pool"]
    assert terms('slow "connection pool" size') == ["slow", "connect", "pool", "size"]


def test_a_phrase_keeps_its_stop_words_but_does_not_require_them_of_the_index() -> None:
    (phrase,) = parse_query("“state of the art”", ENGLISH).phrases
    assert (len(phrase.steps), len(phrase.required)) == (4, 2)


@pytest.mark.parametrize("query", ['"unbalanced quote', 'unbalanced quote"', 'unbalanced "" " quote'])
def test_an_unbalanced_quote_is_a_blank(query: str) -> None:
    parsed = parse_query(query, ENGLISH)
    assert (len(parsed.terms), parsed.phrases) == (2, ())


def test_a_trailing_star_makes_a_prefix_that_is_no_term() -> None:
    parsed = parse_query("Configur* of user-serv* pools", ENGLISH)
    assert parsed.prefixes == ("configur", "userserv")
    assert [term.text for term in parsed.terms] == ["pool"]


@pytest.mark.parametrize("query", ["a*", "2*3", "*", "** *x", "検索*"])
def test_a_star_that_makes_no_useful_prefix_is_ignored(query: str) -> None:
    assert parse_query(query, ENGLISH).prefixes == ()


@pytest.mark.parametrize(
    ("query", "kept"), [("who", ["who"]), ("The Who", ["the", "who"]), ("to be or not", ["to", "be", "or", "not"])]
)
def test_a_query_of_stop_words_only_keeps_them(query: str, kept: list[str]) -> None:
    assert terms(query) == kept
    assert parse_query(query, ENGLISH).only_stop_words


def test_a_name_in_capitals_is_no_stop_word() -> None:
    assert not parse_query("IT", ENGLISH).only_stop_words


@pytest.mark.parametrize("query", ["", " ", "?!", '""', '"', "👍", '"..."', "'s"])
def test_a_query_without_words_gives_no_terms_and_no_error(query: str) -> None:
    parsed = parse_query(query, ENGLISH)
    assert (parsed.phrases, parsed.prefixes) == ((), ())
    assert len(parsed.terms) <= 1


def test_long_queries_are_cut_and_say_so() -> None:
    many = parse_query(" ".join(f"w{n}" for n in range(10_000)), ENGLISH)
    assert (len(many.terms), many.truncated) == (MAX_QUERY_TERMS, True)
    quoted = parse_query(
        "".join(f'"a b{n}" ' for n in range(MAX_PHRASES + 1)) + "".join(f"pre{n}* " for n in range(99)), ENGLISH
    )
    assert (len(quoted.phrases), len(quoted.prefixes), quoted.truncated) == (MAX_PHRASES, MAX_PREFIXES, True)
    assert parse_query("x" * (MAX_QUERY_CHARACTERS + 1), ENGLISH).truncated
    assert not parse_query("short", ENGLISH).truncated


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("The connection pools are full", "connection pool", True),
        ("the pool of connections", "connection pool", False),
        ("the connection-pool size", "connection pool", True),
        ("call UserService now", "user service", True),
        ("the state of the art", "state of the art", True),
        ("the state in the art", "state of the art", False),
        ("東京都の検索エンジン", "検索エンジン", True),
        ("new new york", "new york", True),
    ],
)
def test_a_phrase_matches_words_that_follow_one_another(text: str, phrase: str, expected: bool) -> None:  # noqa: FBT001
    assert found(text, phrase) is expected


@pytest.mark.parametrize(("text", "slop", "expected"), [
    ("quick brown fox", 0, False), ("quick brown fox", 1, True), ("fox quick", 1, False), ("fox quick", 2, True),
    ("quick very brown fox", 1, False),
])  # fmt: skip
def test_slop_counts_places_as_lucene_does(text: str, slop: int, expected: bool) -> None:  # noqa: FBT001
    assert found(text, "quick fox", slop) is expected


def test_one_word_cannot_fill_two_steps() -> None:
    assert not found("new york", "new new york", slop=2)


def test_a_phrase_is_found_where_it_stands() -> None:
    text = "A pool. The connection pool."
    (phrase,) = parse_query('"connection pool"', ENGLISH).phrases
    assert [text[a:b] for a, b in phrase_spans(ENGLISH.tokens(text), phrase)] == ["connection pool"]


def test_matches_are_bounded_and_bad_slop_is_refused() -> None:
    (phrase,) = parse_query('"foo foo foo"', ENGLISH).phrases
    assert len(phrase_spans(ENGLISH.tokens("foo " * 500), phrase)) == MAX_MATCHES
    assert len(phrase_spans(ENGLISH.tokens("foo " * 500), phrase, 2)) == MAX_MATCHES
    assert phrase_spans(ENGLISH.tokens("foo"), ()) == []
    with pytest.raises(ValueError, match="less than in place"):
        phrase_spans([], phrase, -1)


@given(st.text() | st.text(alphabet='ab the"*“”- 検索', max_size=60))
@settings(max_examples=30, deadline=None)
def test_any_text_can_be_a_query(query: str) -> None:
    parsed = parse_query(query, ENGLISH)
    assert all(term.qtf >= 1 for term in parsed.terms)
    assert len(parsed.frequencies) == len(parsed.terms)


@given(st.lists(st.sampled_from(["alpha", "beta", "the", "gamma"]), min_size=1, max_size=12), st.data())
@settings(max_examples=30, deadline=None)
def test_any_run_of_words_of_a_text_is_a_phrase_in_it(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    slop = data.draw(st.integers(0, 2))
    assert found(" ".join(words), " ".join(words[start:end]), slop)
