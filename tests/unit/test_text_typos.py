"""Typos: the words one edit away, and which of them was meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.typos import LONGEST_WORD, KnownWord, rank_corrections, typo_candidates


@pytest.mark.parametrize("typo", ["documnt", "docuument", "documant", "docuemnt", "ocument", "documents"])
def test_one_edit_leads_back_to_the_word(typo: str) -> None:
    assert "document" in typo_candidates(typo)


def test_other_alphabets_have_their_own_letters() -> None:
    assert "поиск" in typo_candidates("поинк")


@pytest.mark.parametrize("word", ["", "cat", "v2.13", "proj1234", "x" * (LONGEST_WORD + 1)])
def test_short_words_blobs_and_identifiers_are_not_corrected(word: str) -> None:
    assert typo_candidates(word) == []


def test_the_number_of_candidates_is_bounded() -> None:
    assert len(typo_candidates("abcdefgh")) <= 54 * 8 + 26
    assert len(typo_candidates("x" + "abcdefghij" * 3)) <= 54 * LONGEST_WORD + 26


@given(st.text(alphabet="abcdeя検", min_size=4, max_size=12))
@settings(max_examples=30, deadline=None)
def test_candidates_are_distinct_other_words_of_nearly_the_same_length(word: str) -> None:
    candidates = typo_candidates(word)
    assert len(set(candidates)) == len(candidates)
    assert word not in candidates
    assert all(abs(len(candidate) - len(word)) <= 1 for candidate in candidates)


@given(st.text(alphabet="abcxyz", min_size=5, max_size=10), st.data())
@settings(max_examples=30, deadline=None)
def test_edits_can_be_undone(word: str, data: st.DataObject) -> None:
    assert word in typo_candidates(data.draw(st.sampled_from(typo_candidates(word))))


def best(typo: str, *known: KnownWord) -> str:
    return rank_corrections(typo, known)[0].surface


def test_the_more_frequent_word_was_meant() -> None:
    assert best("tets", KnownWord("teds", 1, 2), KnownWord("tots", 2, 50)) == "tots"


def test_the_first_letter_is_rarely_wrong() -> None:
    assert best("cable", KnownWord("table", 1, 50), KnownWord("cables", 2, 10)) == "cables"


def test_swaps_and_doubled_letters_are_likelier_than_wrong_keys() -> None:
    assert best("form", KnownWord("farm", 1, 20), KnownWord("from", 2, 10)) == "from"
    assert best("adress", KnownWord("acress", 1, 20), KnownWord("address", 2, 10)) == "address"


def test_words_without_documents_and_second_surfaces_of_a_term_are_left_out() -> None:
    known = [KnownWord("tests", 1, 9), KnownWord("texts", 2, 0), KnownWord("test", 1, 9), KnownWord("tesla", 3, 5)]
    assert [word.term_id for word in rank_corrections("tesst", known)] == [1, 3]
    assert rank_corrections("tesst", known, limit=0) == []
