"""Highlights: what matched is shown, and nothing in the text can break the page."""

import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.highlights import FRAGMENT_CHARACTERS, FRAGMENTS, highlight
from app.text.phrases import parse_query
from app.text.tokeniser import Tokeniser

ENGLISH = Tokeniser()


def shown(text: str, query: str) -> list[str]:
    parsed = parse_query(query, ENGLISH)
    weights = {term.id: 1.0 for term in parsed.terms}
    return highlight(text, ENGLISH, weights, parsed.phrases)


def plain(fragment: str) -> str:
    return unescape(re.sub("</?hi>", "", fragment))


def test_matches_are_tagged_in_every_form_the_index_knows() -> None:
    assert shown("Artificial tests of UserService.getById", "artificial testing getById") == [
        "<hi>Artificial</hi> <hi>tests</hi> of UserService.<hi>getById</hi>",
    ]


def test_a_text_without_matches_has_no_highlights() -> None:
    assert shown("nothing here", "absent") == shown("", "absent") == shown("nothing here", "") == []


def test_markup_in_the_text_is_escaped_and_the_tags_are_not() -> None:
    assert shown("<b>tests</b> & \"quotes\" 'x'", "tests quotes") == [
        "&lt;b&gt;<hi>tests</hi>&lt;/b&gt; &amp; &quot;<hi>quotes</hi>&quot; &#x27;x&#x27;",
    ]


def test_a_phrase_is_marked_as_one_and_its_fragment_is_chosen() -> None:
    filler = "the pool and a connection stand apart. " + "filler words " * 20
    fragments = shown(filler * 6 + "here the connection pool is.", '"connection pool"')
    assert len(fragments) == FRAGMENTS
    assert "<hi>connection pool</hi>" in fragments[-1]


def test_neighbouring_bigrams_are_one_mark() -> None:
    assert shown("東京都の検索エンジン", "検索エンジン") == ["東京都の<hi>検索エンジン</hi>"]


def test_stop_words_are_not_marked_for_a_name_of_the_same_letters() -> None:
    assert shown("is it for the IT team", "IT") == ["is it for the <hi>IT</hi> team"]


def test_rarer_words_decide_which_fragments_are_shown() -> None:
    common, rare = (term.id for term in parse_query("common rare", ENGLISH).terms)
    text = ("common " + "filler " * 30) * 8 + "rare"
    fragments = highlight(text, ENGLISH, {common: 0.1, rare: 5.0})
    assert "<hi>rare</hi>" in fragments[-1]
    assert len(fragments) == FRAGMENTS


def test_fragments_are_cut_at_blanks_and_kept_short() -> None:
    for fragment in shown("some words before a match and after it " * 50, "match"):
        assert len(plain(fragment)) <= FRAGMENT_CHARACTERS
        assert not fragment.startswith(" ")
        assert re.match(r"\w+ ", plain(fragment))


def test_a_match_longer_than_a_fragment_is_cut() -> None:
    (fragment,) = shown("x" * 5000, "x" * 5000)
    assert len(plain(fragment)) == FRAGMENT_CHARACTERS


@given(st.text(max_size=40) | st.text(alphabet="ab the<>&\"'検索\n\u0301-.", max_size=200), st.text(max_size=10))
@settings(max_examples=25, deadline=None)
def test_every_fragment_is_a_piece_of_the_text(text: str, query: str) -> None:
    fragments = shown(text, f'{query} "{text[:30]}" {text[:40]}')
    assert len(fragments) <= FRAGMENTS
    place = 0
    for fragment in fragments:
        assert "<hi>" in fragment
        assert len(plain(fragment)) <= FRAGMENT_CHARACTERS
        place = text.index(plain(fragment), place) + len(plain(fragment))
        assert not set(re.sub("</?hi>", "", fragment)) & set("<>\"'")
