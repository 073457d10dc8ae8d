"""The tokeniser: what is a term, where it stands, and that its numbers never change."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.bigrams import bigram_ids, bigrams_of
from app.text.hashing import TERM_SPACE, term_id
from app.text.languages import SUPPORTED_LANGUAGES, language_named
from app.text.layout import TextLayout
from app.text.tokeniser import MAX_TERM_CHARACTERS, Tokeniser

ENGLISH = Tokeniser()
GERMAN = Tokeniser("german")
UNKNOWN = Tokeniser("unknown")
# Hypothesis likes exotic characters; these make it try what the tokeniser treats specially.
ANY_TEXT = st.text() | st.text(
    alphabet="aBcIT  -_./:&'\u2019+#.netNET19é検索エンไทย\u0301\u00ad\u200d👍🏽*\"", max_size=80
)


def texts(text: str, tokeniser: Tokeniser = ENGLISH) -> list[str]:
    return [token.text for token in tokeniser.tokens(text) if not token.stop]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UserService.getById", {"userservice.getbyid", "getbyid", "user", "servic", "get", "id"}),
        ("PROJ-1234", {"proj-1234", "proj", "1234"}),
        ("v2.13.1-rc2", {"2.13.1-rc2", "2.13.1", "rc2"}),
        ("https://acme.com/a_file.py", {"acme.com", "a_file.py", "file", "py"}),
        ("HTTPServer OAuth2", {"httpserver", "http", "server", "oauth2", "auth2"}),
        ("C++ C# F# .NET", {"c++", "c#", "f#", ".net"}),
        ("ASP.NET C++17", {"asp.net", ".net", "c++", "c++17"}),
        ("R&D e-mail U.S.", {"r&d", "email", "us"}),
        ("__init__", {"init"}),
    ],
)
def test_an_identifier_is_found_by_its_whole_and_by_its_parts(text: str, expected: set[str]) -> None:
    assert expected <= set(texts(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [("e-mail", "email"), ("Wi-Fi", "WiFi"), ("U.S.", "US"), ("v1.2.3", "1.2.3"), ("résumés", "resumes"),
     ("\uff26\uff35\uff2c\uff2c", "full"), ("e\u0301te\u0301", "été"), ("soft\u00adware", "software"),
     ("user\u2019s", "users'")],
)  # fmt: skip
def test_spellings_of_one_word_share_a_term(one: str, other: str) -> None:
    assert set(texts(one)) & set(texts(other))


def test_plurals_in_capitals_are_not_camel_case() -> None:
    assert len(texts("PDFs")) == 1


def test_a_domain_that_ends_in_net_is_not_the_framework() -> None:
    assert ".net" not in texts("example.net")


def test_possessives_and_negations_leave_no_stumps() -> None:
    assert texts("the user's guide doesn't") == ["user", "guid"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("東京都", ["東京", "京都"]), ("茶", ["茶"]), ("Vespa検索", ["vespa", "検索"]),
     ("ｶﾞｲﾄﾞ", ["ガイ", "イド"]), ("한국어", ["한국", "국어"]), ("ไทย", ["ไท", "ทย"])],
)  # fmt: skip
def test_scripts_without_blanks_give_bigrams(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_hindi_words_are_not_cut_at_their_vowel_signs() -> None:
    assert texts("हिन्दी", UNKNOWN) == ["हिन्दी"]


def test_stop_words_in_capitals_are_names() -> None:
    assert texts("it told us who runs IT in the US") == ["told", "run", "it", "us"]
    assert texts("IT SECURITY") == ["it", "secur"]


def test_capitals_throughout_are_shouting_and_operators_are_never_names() -> None:
    assert texts("WHAT TO DO WHEN IT FAILS") == ["fail"]
    assert texts("cats AND dogs OR birds") == ["cat", "dog", "bird"]


def test_a_shouted_text_gives_the_same_terms_with_and_without_spans() -> None:
    text = "WHAT TO DO WHEN IT FAILS"
    assert set(ENGLISH.terms(text)) == {term_id("fail")}
    assert [text[t.start : t.end] for t in TextLayout(text, ENGLISH).occurrences({term_id("fail")})] == ["FAILS"]


def test_german_is_stemmed_as_german_and_loses_its_umlauts() -> None:
    assert texts("die Häuser", GERMAN) == texts("haus", GERMAN) == ["haus"]


def test_an_unknown_language_keeps_words_and_stop_words_as_they_are() -> None:
    assert texts("the tests", UNKNOWN) == ["the", "tests"]


def test_long_stop_lists_do_not_hide_everyday_words() -> None:
    assert texts("microsoft system index computer") == ["microsoft", "system", "index", "comput"]
    assert texts("город книга", Tokeniser("russian")) != []


@pytest.mark.parametrize("name", SUPPORTED_LANGUAGES)
def test_every_supported_language_can_be_used(name: str) -> None:
    assert language_named(name).name == name


def test_a_language_goes_by_its_code_too_and_a_misspelt_one_is_refused() -> None:
    assert language_named("pt-BR").name == "portuguese"
    with pytest.raises(ValueError, match="unsupported language 'englsh'"):
        Tokeniser("englsh")


@pytest.mark.parametrize(
    ("term", "number"),
    [("", 258_269_877), ("search", 366_848_267), ("c++", 809_448_875), ("検索", 447_950_156)],
)
def test_the_number_of_a_term_never_changes(term: str, number: int) -> None:
    assert term_id(term) == number


def test_numbers_of_terms_hardly_ever_meet() -> None:
    assert len({term_id(f"term{number}") for number in range(10_000)}) >= 9_999


def test_the_total_of_the_counts_is_the_number_of_indexed_tokens() -> None:
    assert ENGLISH.terms("test the tests of testing") == {term_id("test"): 3}


def test_a_blob_is_one_bounded_term() -> None:
    (blob,) = texts("QmFzZTY0" * 2_000)
    assert len(blob) == MAX_TERM_CHARACTERS


@pytest.mark.parametrize("text", ["", "   ", "?!…—", "____", "👍🏽 🎉", "\u200d\ufe0f", "\ud800"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert not ENGLISH.terms(text)


@given(ANY_TEXT)
@settings(max_examples=40, deadline=None)
def test_any_text_has_terms_in_range_at_spans_in_the_text(text: str) -> None:
    tokens = list(ENGLISH.tokens(text))
    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert all(0 < token.id <= TERM_SPACE and 0 < len(token.text) <= MAX_TERM_CHARACTERS for token in tokens)


@given(ANY_TEXT)
@settings(max_examples=40, deadline=None)
def test_counts_tokens_and_occurrences_agree_on_any_text(text: str) -> None:
    indexed = [token for token in ENGLISH.tokens(text) if not token.stop]
    assert sorted(token.id for token in indexed) == sorted(ENGLISH.terms(text).elements())
    assert TextLayout(text, ENGLISH).occurrences({token.id for token in indexed}) == indexed


RUNS = st.text(st.sampled_from("東京都検索エンジンがガー한국어々ｶﾞ龥の"), max_size=90)


@given(
    st.lists(RUNS | st.sampled_from(["API", "wi-fi", ".NET", "C++", "(net)", "The", "IT", "—", "x" * 70]), max_size=12)
)
def test_what_is_counted_fast_is_what_the_tokens_say(parts: list[str]) -> None:
    for text in ("".join(parts), " ".join(parts), "、".join(parts)):
        tokens = [token for token in ENGLISH.tokens(text) if not token.stop]
        assert ENGLISH.terms(text) == Counter(token.id for token in tokens)


def assert_cut_fast_as_by_tokens(stretch: str) -> None:
    """Compare what is indexed of a stretch, and handed over for typos, with its tokens, which are made another way."""
    indexed = [token for token in ENGLISH.tokens_at(stretch, 0) if not token.stop]
    assert sorted(ENGLISH.ids_of(stretch)) == sorted(token.id for token in indexed)
    terms, runs = ENGLISH.cut(stretch)
    words = [(surface, id_) for _, surface, id_, _ in terms]
    words += [(bigram, term_id(bigram)) for run in runs for bigram in bigrams_of(run)]
    assert sorted(words) == sorted((token.surface, token.id) for token in indexed)


@given(st.text(st.characters(max_codepoint=127), max_size=12))
def test_a_stretch_of_ascii_gives_the_terms_of_its_tokens(text: str) -> None:
    for stretch in text.split():
        assert_cut_fast_as_by_tokens(stretch)


@given(st.lists(st.text(st.characters(min_codepoint=0x3041, max_codepoint=0xD7A3), min_size=2, max_size=9), min_size=1))
def test_pairs_of_characters_are_numbered_together_as_each_alone(runs: list[str]) -> None:
    bigrams = [bigram for run in runs for bigram in bigrams_of(run)]
    assert bigram_ids(runs).tolist() == [term_id(bigram) for bigram in bigrams]


def test_pairs_of_characters_hardly_ever_share_a_number() -> None:
    characters = "".join(chr(0x4E00 + place) for place in range(400))
    pairs = {one + other for one in characters for other in characters}
    assert len({term_id(pair) for pair in pairs}) >= len(pairs) - 40


@given(st.from_regex(r"[aAzZ09NETnetsv](?:[-._/:&'+#aAbBzZ09NETnetsv]){0,14}", fullmatch=True))
@settings(max_examples=400, deadline=None)
def test_identifiers_cut_fast_have_the_terms_of_their_tokens(stretch: str) -> None:
    assert_cut_fast_as_by_tokens(stretch)


MIXED = [
    "userName", "HTTPServer", "IDs", "catS", "U.S.", "e-mail", "v2.13", "ASP.net", "C++17", "c#", ".NET", "user's",
    "don't", "IT", "the", "é", "ﬁ", "ё", "İ", "²", "\u0301", "検索", "ｶﾞ", "ไทย", "👍🏽",
    "-", ".", "_", "/", ":", "&", "'", "\u2019", "(",
]  # fmt: skip


@given(st.lists(st.sampled_from(MIXED), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_mixtures_cut_fast_have_the_terms_of_their_tokens(parts: list[str]) -> None:
    assert_cut_fast_as_by_tokens("".join(parts))
