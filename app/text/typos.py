"""Suggest known words for an unknown one, by one edit.

An edit drops a letter, adds one, changes one, or swaps two neighbours: F. Damerau, "A technique for computer
detection and correction of spelling errors", Communications of the ACM 7(3), 1964, found that 80 % of
spelling errors are one of these. Candidates are spelt out, so that a vocabulary needs no index beyond the
one it has on its words.
"""

from collections.abc import Iterable
from itertools import pairwise
from math import log1p
from string import ascii_lowercase
from typing import NamedTuple

# A change of one letter makes another word of a short one more often than it repairs it.
SHORTEST_WORD = 4
# Longer ones are compounds and blobs.
LONGEST_WORD = 32

_ALPHABETS = (
    ascii_lowercase,
    "".join(map(chr, range(0x430, 0x450))),  # Cyrillic
    "".join(map(chr, range(0x3B1, 0x3CA))),  # Greek
    "".join(map(chr, range(0x5D0, 0x5EB))),  # Hebrew
    "".join(map(chr, range(0x621, 0x64B))),  # Arabic
)

# People rarely miss the first letter, and swap or double letters more often than they hit a wrong key;
# each is worth as much as that many times the documents.
_SAME_FIRST_LETTER = log1p(20)
_SWAP_OR_DOUBLE = log1p(4)


class KnownWord(NamedTuple):
    """A word of the vocabulary: its surface, its term id, and in how many documents the term occurs."""

    surface: str
    term_id: int
    df: float


def typo_candidates(word: str) -> list[str]:
    """List the words one edit away from a word.

    Parameters
    ----------
    word
        The surface of a query token, case-folded.

    Returns
    -------
    list[str]
        Distinct, sorted, without the word itself; letters come from the word's own alphabet, else from the
        word. At most ``(2 * a + 2) * n + a`` for n letters and an alphabet of a: 458 for 8 Latin letters.
        Empty for words that are too short, too long, or not of letters only.
    """
    if not SHORTEST_WORD <= len(word) <= LONGEST_WORD or not word.isalpha():
        return []
    alphabet = next((letters for letters in _ALPHABETS if word[0] in letters), "".join(sorted(set(word))))
    splits = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in splits if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in splits if len(tail) > 1}
    found |= {head + letter + tail[1:] for head, tail in splits if tail for letter in alphabet}
    found |= {head + letter + tail for head, tail in splits for letter in alphabet}
    return sorted(found - {word})


def rank_corrections(word: str, known: Iterable[KnownWord], limit: int = 3) -> list[KnownWord]:
    """Order known words by how likely each one was meant.

    Parameters
    ----------
    word
        What was typed, case-folded.
    known
        Those of its candidates that the vocabulary holds.
    limit
        How many to give at most.

    Returns
    -------
    list[KnownWord]
        Likeliest first: frequent words, with the same first letter, by a swap or a doubled letter. Of
        several surfaces of one term the likeliest stays. Words without documents are left out.
    """
    ranked = sorted(
        (candidate for candidate in known if candidate.df > 0),
        key=lambda candidate: (-_likelihood(word, candidate), candidate.surface),
    )
    best: dict[int, KnownWord] = {}
    for candidate in ranked:
        best.setdefault(candidate.term_id, candidate)
    return list(best.values())[: max(limit, 0)]


def _likelihood(word: str, candidate: KnownWord) -> float:
    """Weigh a candidate: log of its documents plus a bonus for each common kind of slip."""
    score = log1p(candidate.df)
    if word[:1] == candidate.surface[:1]:
        score += _SAME_FIRST_LETTER
    if _is_swap(word, candidate.surface) or _undoubled(word) == _undoubled(candidate.surface):
        score += _SWAP_OR_DOUBLE
    return score


def _is_swap(word: str, other: str) -> bool:
    return len(word) == len(other) and sorted(word) == sorted(other)


def _undoubled(word: str) -> str:
    return word[:1] + "".join(letter for before, letter in pairwise(word) if letter != before)
