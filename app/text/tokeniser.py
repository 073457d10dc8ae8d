"""Turn text into terms: one path for documents, queries, phrases and highlights."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from threading import Lock
from typing import NamedTuple

import Stemmer

from app.text.bigrams import bigram_ids, bigrams_of
from app.text.hashing import term_id
from app.text.identifiers import Kind, Piece, cut_word, plain_word, split_word
from app.text.languages import language_named
from app.text.scripts import compatible, folded, plain_bigrams, unaccented, words_of

# Raised whenever the terms of any text change; an index keeps the version it was built with.
TOKENISER_VERSION: int = 2

# A longer term is cut to its beginning, on both sides alike: it is a blob or a long path.
MAX_TERM_CHARACTERS = 128

_CACHED_STRETCHES = 65_536
_CACHED_WORDS = 32_768
_STRETCH = re.compile(r"\S+")
# Longer ones are analysed each time, so that blobs cannot fill the caches (about 40 MB when full).
_LONGEST_CACHED = 64
# A text in capitals throughout is shouted when most of it are stop words; "IT SECURITY" is a title.
_SHOUTED_STOP_SHARE = 0.5
# Capitals that are operators or articles, never names.
_NEVER_NAMES = frozenset({"a", "and", "i", "not", "of", "or", "the"})


class Token(NamedTuple):
    """One term at its place in the text.

    Attributes
    ----------
    start, end
        Span in the text as it was given, in characters.
    text
        The term: stemmed and without accents.
    surface
        The word before stemming, case-folded and without accents: what a vocabulary lists.
    id
        Stable number of `text`, 1 to 1,000,000,000.
    step
        Whether it takes a place of its own in a phrase; compounds do not, their parts do.
    stop
        Whether it is left out of the index.
    """

    start: int
    end: int
    text: str
    surface: str
    id: int
    step: bool
    stop: bool


Term = tuple[str, str, int, bool]
"""A piece of a word as its term: text, surface, id and stop as those of `Token`, or `_NO_TERM`.

Plain tuples of strings and numbers are left alone by the garbage collector, and caches hold tens of thousands of them.
"""
_NO_TERM: Term = ("", "", 0, True)


class Tokeniser:
    """Tokeniser of one language; safe to share between threads.

    Text is searched for words as it is, so that spans hold in the original; each word is then brought to
    NFKC, split (see `identifiers`), case-folded, stemmed by Snowball, freed of Latin and Greek accents
    (after stemming, which needs them), and hashed. Stop words are left out unless written in capitals:
    IT, US and WHO are names. Emoji and symbols are no words.

    Parameters
    ----------
    language
        A name or code that `languages.language_named` knows; ``unknown`` has no stemmer and no stop list.

    Raises
    ------
    ValueError
        When the language is not supported.
    """

    def __init__(self, language: str = "english") -> None:
        self.language = language_named(language)
        self._stemmer = Stemmer.Stemmer(self.language.stemmer, 0) if self.language.stemmer else None
        self._lock = Lock()  # Snowball keeps its working buffer in the stemmer
        self._cached_tokens = lru_cache(_CACHED_WORDS)(self._tokens_within)
        self._cached_words = lru_cache(_CACHED_WORDS)(self._reduce_word)
        self._cached_names = lru_cache(_CACHED_WORDS)(self._reduce_name)
        self._cached_compounds = lru_cache(_CACHED_WORDS)(self._word_terms)
        self._cached_ids = lru_cache(_CACHED_STRETCHES)(self._indexed)

    def terms(self, text: str) -> Counter[int]:
        """Count the terms of a text.

        Parameters
        ----------
        text
            Any text, of any length; time is linear in it.

        Returns
        -------
        Counter[int]
            Term frequency by term id. The length of the text for BM25 is the total of it.
        """
        return Counter(chain.from_iterable(self.ids_of_each(self.stretches(text))))

    def stretches(self, text: str) -> list[str]:
        """Split a text at its blanks: no word holds one, and looking up a stretch beats matching it."""
        return (text.lower() if self.is_shouted(text) else text).split()

    def ids_of(self, stretch: str) -> tuple[int, ...]:
        """Give the ids of the terms of a stretch, those of bigrams last."""
        return self._cached_ids(stretch) if len(stretch) <= _LONGEST_CACHED else self._indexed(stretch)

    def cut(self, stretch: str) -> tuple[Sequence[Term], Sequence[str]]:
        """Give the terms of a stretch that are indexed, and its runs of characters that go by pairs (`bigrams`)."""
        if (word := plain_word(stretch)) and len(word) <= _LONGEST_CACHED:
            one = self._cached_words(word)
            return () if one[-1] else (one,), ()
        words = words_of(stretch).findall(stretch)
        if stretch.isascii() and len(stretch) <= _LONGEST_CACHED:  # as most are
            return list(chain.from_iterable(map(self._cached_compounds, words))), ()
        terms: list[Term] = []
        runs: list[str] = []
        for word in words:
            if run := plain_bigrams(word):
                runs.append(run)
            else:
                terms += self._cached_compounds(word) if len(word) <= _LONGEST_CACHED else self._word_terms(word)
        return terms, runs

    def ids_of_each(self, stretches: Sequence[str]) -> Iterator[tuple[int, ...]]:
        """Give the ids of the terms of each of some stretches."""
        long = max(map(len, stretches), default=0) > _LONGEST_CACHED
        return map(self.ids_of if long else self._cached_ids, stretches)

    def tokens(self, text: str) -> Iterator[Token]:
        """Give every token of a text with its span, stop words included, in order of words."""
        if self.is_shouted(text):
            yield from self._spanned(text, shouted=True)
        else:
            for stretch in _STRETCH.finditer(text):
                yield from self.tokens_at(stretch.group(), stretch.start())

    def tokens_at(self, stretch: str, start: int) -> list[Token]:
        """Give the tokens of a stretch of a text that is not shouted, which begins at a place of it."""
        within = self._cached_tokens if len(stretch) <= _LONGEST_CACHED else self._tokens_within
        return [
            Token(start + first, start + last, text, surface, id_, step, stop)
            for first, last, text, surface, id_, step, stop in within(stretch)
        ]

    def tokens_of(self, word: str) -> tuple[Token, ...]:
        """Give the tokens of one word that the word pattern found, with spans within the word."""
        run = plain_bigrams(word)
        moved = len(run or compatible(word)) != len(word)  # under NFKC: every piece gets the span of the word
        if run and not moved:
            numbered = zip(bigrams_of(run), bigram_ids([run]).tolist(), strict=True)
            return tuple(
                Token(place, place + 2, bigram, bigram, id_, step=True, stop=False)
                for place, (bigram, id_) in enumerate(numbered)
            )
        return tuple(
            Token(
                0 if moved else piece.start,
                len(word) if moved else piece.end,
                text,
                surface,
                id_,
                piece.step,
                stop,
            )
            for piece, (text, surface, id_, stop) in self._split(word)
        )

    def is_shouted(self, text: str) -> bool:
        """Tell whether a text is a sentence in capitals, where IT is a pronoun."""
        if not text.isupper():
            return False
        words = words_of(text).findall(text)
        stops = sum(folded(word) in self.language.stop_words for word in words)
        return stops > max(1, _SHOUTED_STOP_SHARE * len(words))

    def _tokens_within(self, stretch: str) -> tuple[Token, ...]:
        return tuple(self._spanned(stretch, shouted=False))

    def _spanned(self, text: str, *, shouted: bool) -> Iterator[Token]:
        for match in words_of(text).finditer(text):
            word = match.group()
            start, end = match.span()
            for first, last, term, surface, id_, step, stop in self.tokens_of(word.lower() if shouted else word):
                yield Token(start + first, min(end, start + last), term, surface, id_, step, stop)

    def _indexed(self, stretch: str) -> tuple[int, ...]:
        terms, runs = self.cut(stretch)
        ids = [id_ for _, _, id_, _ in terms]
        return (*ids, *bigram_ids(runs).tolist()) if runs else tuple(ids)

    def _word_terms(self, word: str) -> tuple[Term, ...]:
        """Give the terms of one word that the word pattern found, but for stop words."""
        cut = cut_word(word, self.language.clitics) if word.isascii() and len(word) <= _LONGEST_CACHED else None
        if cut is None:
            return tuple(one for _, one in self._split(word) if not one[-1])
        parts, words, names = cut
        terms = [*map(self._cached_words, parts)]
        if words:
            steps = {one[0] for one in terms}
            terms += [one for one in map(self._cached_words, words) if one[0] not in steps]
        terms += map(self._cached_names, names)
        return tuple([one for one in terms if not one[-1]])

    def _split(self, word: str) -> list[tuple[Piece, Term]]:
        """Split a word and reduce its pieces; what is no term, or a name that is also a step, is left out."""
        pieces = split_word(compatible(word), self.language.clitics)
        if len(pieces) == 1:
            one = self._reduced(pieces[0])
            return [(pieces[0], one)] if one[0] else []
        found = [(piece, one) for piece in pieces if (one := self._reduced(piece))[0]]
        steps = {one[0] for piece, one in found if piece.step}
        return [(piece, one) for piece, one in found if piece.step or one[0] not in steps]

    def _reduced(self, piece: Piece) -> Term:
        kind, text = piece.kind, piece.text
        if kind is Kind.CLITIC:
            return (*self._reduce_name(text)[:-1], True)
        if len(text) > _LONGEST_CACHED:
            return (self._reduce_word if kind is Kind.WORD else self._reduce_name)(text)
        return (self._cached_words if kind is Kind.WORD else self._cached_names)(text)

    def _reduce_word(self, written: str) -> Term:
        """Reduce a word of the language: stemmed, unless it is a stop word."""
        low = folded(written)
        if low in self.language.stop_words:
            return _reduced_to(low, low, stop=not _is_name(written, low))
        term = low
        if self._stemmer is not None and len(low) <= MAX_TERM_CHARACTERS:
            root = low if self.language.accents_matter else unaccented(low)
            with self._lock:
                term = self._stemmer.stemWord(root)
        return _reduced_to(term, low)

    def _reduce_name(self, written: str) -> Term:
        """Take a name as it stands."""
        low = folded(written)
        return _reduced_to(low, low)


def _reduced_to(term: str, low: str, *, stop: bool = False) -> Term:
    """Free a term and its surface of accents; a term without letters or digits is none."""
    if low.isascii() and term.isalnum() and len(low) <= MAX_TERM_CHARACTERS:  # as most are
        return term, low, term_id(term), stop
    bare = unaccented(term)[:MAX_TERM_CHARACTERS]
    if not bare.isalnum() and not any(map(str.isalnum, bare)):
        return _NO_TERM
    return bare, unaccented(low)[:MAX_TERM_CHARACTERS], term_id(bare), stop


def _is_name(written: str, low: str) -> bool:
    """Tell whether a stop word in capitals may be an acronym."""
    return written.isupper() and len(written) > 1 and low not in _NEVER_NAMES
