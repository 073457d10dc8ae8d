"""Turn text into terms: one path for documents, queries, phrases and highlights."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import chain, pairwise
from threading import Lock
from typing import NamedTuple

import Stemmer

from app.text.hashing import term_id
from app.text.identifiers import Kind, Piece, split_word
from app.text.languages import language_named
from app.text.scripts import PLAIN_BIGRAMS, compatible, folded, unaccented, words_of

# Raised whenever the terms of any text change; an index keeps the version it was built with.
TOKENISER_VERSION: int = 1

# A longer term is cut to its beginning, on both sides alike: it is a blob or a long path.
MAX_TERM_CHARACTERS = 128

_CACHED_STRETCHES = 65_536
_CACHED_WORDS = 32_768
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
        self._cached_tokens = lru_cache(_CACHED_WORDS)(self._analyse)
        self._cached_terms = lru_cache(_CACHED_WORDS)(self._reduce)
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
        stretches = self.stretches(text)
        if max(map(len, stretches), default=0) > _LONGEST_CACHED:
            return Counter(chain.from_iterable(map(self.ids_of, stretches)))
        return Counter(chain.from_iterable(map(self._cached_ids, stretches)))

    def stretches(self, text: str) -> list[str]:
        """Split a text at its blanks: no word holds one, and looking up a stretch beats matching it."""
        return (text.lower() if self._is_shouted(text) else text).split()

    def ids_of(self, stretch: str) -> tuple[int, ...]:
        """Give the ids of the terms of a stretch, in order."""
        return self._cached_ids(stretch) if len(stretch) <= _LONGEST_CACHED else self._indexed(stretch)

    def tokens(self, text: str) -> Iterator[Token]:
        """Give every token of a text with its span, stop words included, in order of words."""
        yield from self._spanned(text, 0, shouted=self._is_shouted(text))

    def occurrences(self, text: str, wanted: Collection[int]) -> list[Token]:
        """Find the indexed tokens of a text whose id is wanted.

        Several times faster than going through `tokens`: only stretches that hold one are analysed.
        """
        if self._is_shouted(text):
            return [token for token in self.tokens(text) if token.id in wanted and not token.stop]
        ids = frozenset(wanted)
        stretches = text.split()
        long = max(map(len, stretches), default=0) > _LONGEST_CACHED
        ids_of = self.ids_of if long else self._cached_ids
        hits = {stretch for stretch in set(stretches) if not ids.isdisjoint(ids_of(stretch))}
        found: list[Token] = []
        place = 0
        for stretch in stretches:
            place = text.index(stretch, place) + len(stretch)
            if stretch in hits:
                spanned = self._spanned(stretch, place - len(stretch), shouted=False)
                found.extend(token for token in spanned if token.id in ids and not token.stop)
        return found

    def tokens_of(self, word: str) -> tuple[Token, ...]:
        """Give the tokens of one word that the word pattern found, with spans within the word."""
        return self._cached_tokens(word) if len(word) <= _LONGEST_CACHED else self._analyse(word)

    def vocabulary(self, texts: Iterable[str]) -> dict[str, int]:
        """List the searchable words of texts, for prefix and typo look-ups.

        Returns
        -------
        dict[str, int]
            Term id by surface: unstemmed, so that a typo is compared with what people write.
        """
        words = {word for text in texts for word in words_of(text).findall(text)}
        tokens = (token for word in words for token in self.tokens_of(word))
        return {token.surface: token.id for token in tokens if not token.stop}

    def _is_shouted(self, text: str) -> bool:
        """Tell whether a text is a sentence in capitals, where IT is a pronoun."""
        if not text.isupper():
            return False
        words = words_of(text).findall(text)
        stops = sum(folded(word) in self.language.stop_words for word in words)
        return stops > max(1, _SHOUTED_STOP_SHARE * len(words))

    def _spanned(self, text: str, offset: int, *, shouted: bool) -> Iterator[Token]:
        for match in words_of(text).finditer(text):
            word = match.group()
            start, end = offset + match.start(), offset + match.end()
            for token in self.tokens_of(word.lower() if shouted else word):
                first, last, term, surface, id_, step, stop = token
                yield Token(start + first, min(end, start + last), term, surface, id_, step, stop)

    def _indexed(self, stretch: str) -> tuple[int, ...]:
        """Give the ids of a stretch of text without blanks, punctuation included."""
        ids: list[int] = []
        for word in words_of(stretch).findall(stretch):
            run = compatible(word)
            if PLAIN_BIGRAMS.fullmatch(run):  # long and rarely repeated, so worth a way of their own
                ids.extend(self._cached_terms(one + other, Kind.NAME)[2] for one, other in pairwise(run))
            else:
                ids.extend(token.id for token in self.tokens_of(word) if not token.stop)
        return tuple(ids)

    def _analyse(self, word: str) -> tuple[Token, ...]:
        plain = compatible(word)
        pieces = split_word(plain, self.language.clitics)
        if len(plain) != len(word):  # places moved under NFKC: every piece gets the span of the word
            pieces = [piece._replace(start=0, end=len(word)) for piece in pieces]
        tokens = [self._token(piece) for piece in pieces]
        steps = {token.text for token in tokens if token.step}
        return tuple(token for token in tokens if token.text and (token.step or token.text not in steps))

    def _token(self, piece: Piece) -> Token:
        reduced = self._reduce if len(piece.text) > _LONGEST_CACHED else self._cached_terms
        term, surface, id_, stop = reduced(piece.text, piece.kind)
        return Token(piece.start, piece.end, term, surface, id_, piece.step, stop)

    def _reduce(self, written: str, kind: Kind) -> tuple[str, str, int, bool]:
        """Reduce a piece to its term: give term, surface, id and whether it is a stop word."""
        low = folded(written)
        stop = kind is Kind.CLITIC
        term = low
        if kind is Kind.WORD and low in self.language.stop_words:
            stop = not _is_name(written, low)
        elif kind is Kind.WORD and self._stemmer is not None and len(low) <= MAX_TERM_CHARACTERS:
            root = low if self.language.accents_matter else unaccented(low)
            with self._lock:
                term = self._stemmer.stemWord(root)
        term = unaccented(term)[:MAX_TERM_CHARACTERS]
        if not any(map(str.isalnum, term)):
            term = ""
        return term, unaccented(low)[:MAX_TERM_CHARACTERS], term_id(term), stop


def _is_name(written: str, low: str) -> bool:
    """Tell whether a stop word in capitals may be an acronym."""
    return written.isupper() and len(written) > 1 and low not in _NEVER_NAMES
