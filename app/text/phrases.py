"""Read a query as people type it, and find phrases in text.

``"exact words"`` is a phrase, ``conf*`` a prefix, everything else a bag of words. Nothing is a syntax error:
an unbalanced quote is read as a blank, and a query that holds no words gives an empty parse.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

from app.text.scripts import BIGRAM_LETTERS, compatible, words_of
from app.text.tokeniser import Token, Tokeniser

# What lies beyond is ignored and reported: nobody types it, and it would only cost time.
MAX_QUERY_CHARACTERS = 16_000
MAX_QUERY_TERMS = 1_000
MAX_PHRASES = 16
MAX_PHRASE_STEPS = 64
MAX_PREFIXES = 16
# Matches found in one text: more say nothing new, and a word repeated throughout would give thousands.
MAX_MATCHES = 100
# A shorter prefix would expand to a sizeable part of the vocabulary.
_SHORTEST_PREFIX = 2

_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"'))
_PHRASE = re.compile(r'"([^"]*)"')
# Bounded and only from the beginning of a word: otherwise a long word would be tried from each letter.
_PREFIX = re.compile(r"(?<![\w.:/-])(\w[\w.:/-]{0,63})\*(?![\w*])")
_BIGRAM_LETTER = re.compile(f"[{BIGRAM_LETTERS}]")


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One distinct term of a query.

    Attributes
    ----------
    id
        Term id.
    qtf
        How often the query holds it, at least 1.
    text, surface
        The term, and the first word that gave it, case-folded.
    """

    id: int
    qtf: int
    text: str
    surface: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must follow one another.

    Attributes
    ----------
    text
        What stood between the quotes.
    steps
        Term ids in order, stop words included.
    required
        Distinct ids of those steps that are indexed: a document with the phrase holds them all. Empty for
        a phrase of stop words only, which the index cannot find by its terms.
    """

    text: str
    steps: tuple[int, ...]
    required: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query, taken apart.

    Attributes
    ----------
    terms
        Distinct terms in order, those of phrases included, those of prefixes not.
    phrases
        Distinct quoted phrases in order.
    prefixes
        Beginnings of words, folded as the surfaces of a vocabulary are.
    only_stop_words
        Whether the terms are stop words, kept because there was nothing else. They find what is indexed
        under them: the capitals in "WHO guidelines" for the query ``who``.
    truncated
        Whether something was cut to a maximum of this module.
    """

    terms: tuple[QueryTerm, ...]
    phrases: tuple[Phrase, ...]
    prefixes: tuple[str, ...]
    only_stop_words: bool
    truncated: bool

    @property
    def frequencies(self) -> dict[int, int]:
        """Query term frequency by term id."""
        return {term.id: term.qtf for term in self.terms}


def parse_query(query: str, tokeniser: Tokeniser) -> ParsedQuery:
    """Read a query.

    Parameters
    ----------
    query
        Any text. Characters beyond ``MAX_QUERY_CHARACTERS`` are ignored.
    tokeniser
        The tokeniser of the index.

    Returns
    -------
    ParsedQuery
        At most ``MAX_QUERY_TERMS`` terms, ``MAX_PHRASES`` phrases and ``MAX_PREFIXES`` prefixes, the first
        ones of each; empty when the query holds no words.
    """
    text = query[:MAX_QUERY_CHARACTERS].translate(_QUOTES)
    quoted = [_phrase(match[1], tokeniser) for match in _PHRASE.finditer(text)]
    found = list({phrase.steps: phrase for phrase in quoted if phrase.steps}.values())
    text = text.replace('"', " ")
    prefixes = list(dict.fromkeys(prefix for match in _PREFIX.findall(text) if (prefix := _prefix(match, tokeniser))))
    tokens = list(tokeniser.tokens(_PREFIX.sub(_keep_unless_prefix, text)))
    kept = [token for token in tokens if not token.stop]
    only_stop_words = bool(tokens) and not kept and not prefixes
    terms = _query_terms(tokens if only_stop_words else kept)
    return ParsedQuery(
        terms=terms[:MAX_QUERY_TERMS],
        phrases=tuple(found[:MAX_PHRASES]),
        prefixes=tuple(prefixes[:MAX_PREFIXES]),
        only_stop_words=only_stop_words,
        truncated=len(query) > MAX_QUERY_CHARACTERS
        or len(terms) > MAX_QUERY_TERMS
        or len(found) > MAX_PHRASES
        or len(prefixes) > MAX_PREFIXES,
    )


def _query_terms(tokens: Iterable[Token]) -> tuple[QueryTerm, ...]:
    first: dict[int, Token] = {}
    counts: Counter[int] = Counter()
    for token in tokens:
        first.setdefault(token.id, token)
        counts[token.id] += 1
    return tuple(QueryTerm(id=id_, qtf=counts[id_], text=t.text, surface=t.surface) for id_, t in first.items())


def _phrase(quoted: str, tokeniser: Tokeniser) -> Phrase:
    steps = [token for token in tokeniser.tokens(quoted) if token.step][:MAX_PHRASE_STEPS]
    required = dict.fromkeys(token.id for token in steps if not token.stop)
    return Phrase(text=quoted, steps=tuple(token.id for token in steps), required=tuple(required))


def _is_prefix(word: str) -> bool:
    # Words of bigrams are no prefixes: the bigrams find the same and more.
    return len(word) >= _SHORTEST_PREFIX and not _BIGRAM_LETTER.search(compatible(word))


def _keep_unless_prefix(match: re.Match[str]) -> str:
    return " " if _is_prefix(match[1]) else match[1]


def _prefix(word: str, tokeniser: Tokeniser) -> str:
    """Give the beginning as a vocabulary spells it: the surface of the whole, not of its parts."""
    if not _is_prefix(word):
        return ""
    pattern = words_of(word)
    wholes = [tokeniser.tokens_of(found)[:1] for found in pattern.findall(word)]
    return wholes[-1][0].surface if wholes and wholes[-1] else ""


def phrase_spans(tokens: Iterable[Token], phrase: Phrase | Sequence[int], slop: int = 0) -> list[tuple[int, int]]:
    """Find a phrase in text.

    Parameters
    ----------
    tokens
        Tokens of the text, as `Tokeniser.tokens` gives them.
    phrase
        The phrase, or the term ids of its steps.
    slop
        By how many places its words may be out of place altogether: 1 lets one word stand between, 2 lets
        neighbours change places (Lucene's `PhraseQuery` defines it so).

    Returns
    -------
    list[tuple[int, int]]
        Spans in the text, in order of their end, shortest match for each beginning; none for an empty phrase,
        at most ``MAX_MATCHES``.

    Raises
    ------
    ValueError
        When the slop is negative.
    """
    if slop < 0:
        raise ValueError("words cannot be less than in place")
    wanted = phrase.steps if isinstance(phrase, Phrase) else tuple(phrase)
    steps = [token for token in tokens if token.step]
    places: dict[int, list[int]] = {term: [] for term in wanted}
    for place, token in enumerate(steps):
        if token.id in places:
            places[token.id].append(place)
    if not wanted or not all(places.values()):
        return []
    matches = _sloppy(wanted, places, slop) if slop else _exact(wanted, places)
    return [(min(steps[place].start for place in match), max(steps[place].end for place in match)) for match in matches]


def _exact(wanted: Sequence[int], places: dict[int, list[int]]) -> list[list[int]]:
    """Find where the steps follow one another: an intersection of shifted places."""
    starts = set(places[wanted[0]])
    for shift, term in enumerate(wanted):
        starts &= {place - shift for place in places[term]}
    return [[start, start + len(wanted) - 1] for start in sorted(starts)[:MAX_MATCHES]]


def _sloppy(wanted: Sequence[int], places: dict[int, list[int]], slop: int) -> list[list[int]]:
    """Find where the shifted places of all steps lie within `slop`: smallest ranges over sorted lists."""
    heap = [(places[term][0] - shift, shift, 0) for shift, term in enumerate(wanted)]
    heapify(heap)
    highest = max(entry[0] for entry in heap)
    found: list[list[int]] = []
    while True:
        lowest, shift, index = heap[0]
        if highest - lowest <= slop:
            taken = {place + by for place, by, _ in heap}
            if len(taken) == len(wanted):  # a word fills one step only
                found.append(sorted(taken))
        row = places[wanted[shift]]
        if index + 1 == len(row) or len(found) == MAX_MATCHES:
            return found
        following = row[index + 1] - shift
        highest = max(highest, following)
        heapreplace(heap, (following, shift, index + 1))
