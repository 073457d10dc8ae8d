"""From what was typed to what is looked up: terms with weights, phrases, and words of the index instead."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from app.domain.indexes import Index
from app.domain.search import Expansion
from app.services.statistics import Frequencies, IndexStatistics
from app.services.terms import tokeniser_for
from app.storage.codecs import SparseVector
from app.storage.terms import TermsRepository
from app.text.bm25 import idf, largest_score
from app.text.candidates import TermStatistics
from app.text.hashing import TIER_EDGES, tier_tokens
from app.text.phrases import ParsedQuery, Phrase, parse_query
from app.text.typos import KnownWord, rank_corrections, typo_candidates

_PREFIX_WORDS = 20
_PREFIX_LOOKED_AT = 300
_CORRECTIONS = 2
CORRECTED_WEIGHT = 0.5
"""What a correction counts for, against a word that was typed: it is a guess."""

_MOST_CORRECTED = 8
"""Unknown words beyond are left as they are: a text full of them is not English with typos."""

_TIERS_FROM = 100
"""Documents from which on a term's tiers are worth knowing."""


@dataclass(frozen=True, slots=True)
class Interpreted:
    """A query as the index understands it.

    Attributes
    ----------
    parsed
        The query, taken apart.
    weights
        Weight by term id: query term frequency times idf. Terms of no chunk are left out.
    terms
        The same terms with what is known of them, for the choice of candidates.
    expansions
        Words of the index that stand for what was typed.
    chunks
        How many chunks the index has.
    degraded
        What was not looked at, and why.
    """

    parsed: ParsedQuery
    weights: Mapping[int, float]
    terms: tuple[TermStatistics, ...]
    expansions: tuple[Expansion, ...]
    chunks: int
    degraded: tuple[str, ...] = ()

    @property
    def vector(self) -> SparseVector:
        """The weights as a sparse vector."""
        ids = sorted(self.weights)
        values = [self.weights[term] for term in ids]
        return SparseVector(np.array(ids, np.int32), np.array(values, np.float32))

    @property
    def largest_bm25(self) -> float:
        """A bound no chunk's score exceeds."""
        return largest_score(list(self.weights.values()))

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Phrases that every hit must hold."""
        return self.parsed.phrases


@dataclass(frozen=True, slots=True)
class _Word:
    """A term to look up: how often it counts, and in how many chunks it (or its group) occurs."""

    term_id: int
    times: float
    df: float
    group_df: float


class QueryInterpreter:
    """Reads queries by the tokeniser, the statistics and the vocabulary of an index."""

    def __init__(self, statistics: IndexStatistics, terms: TermsRepository) -> None:
        self._statistics = statistics
        self._terms = terms

    async def interpret(self, index: Index, query: str) -> Interpreted:
        """Read a query; any text is one."""
        parsed = parse_query(query, tokeniser_for(index.language))
        found = await self._statistics.frequencies(index, parsed.frequencies)
        words = [
            _Word(term.id, term.qtf, found.dfs.get(term.id, 0.0), found.dfs.get(term.id, 0.0)) for term in parsed.terms
        ]
        corrected, typos = await self._corrected(index, parsed, found)
        expanded, prefixes = await self._expanded(index, parsed)
        known = [word for word in (*words, *corrected, *expanded) if word.df > 0]
        weights = _weights(known, found.chunks)
        return Interpreted(
            parsed=parsed,
            weights=weights,
            terms=await self._with_tiers(index, {word.term_id: word.df for word in known}, weights),
            expansions=(*typos, *prefixes),
            chunks=found.chunks,
            degraded=("The query was cut: it is longer than any that is read in full.",) if parsed.truncated else (),
        )

    async def _corrected(
        self, index: Index, parsed: ParsedQuery, found: Frequencies
    ) -> tuple[list[_Word], list[Expansion]]:
        """Find words one edit away from those no chunk has; what stands in quotes is meant as it is."""
        quoted = {step for phrase in parsed.phrases for step in phrase.steps}
        unknown = [term for term in parsed.terms if not found.dfs.get(term.id) and term.id not in quoted]
        candidates = {term: typo_candidates(term.surface) for term in unknown[:_MOST_CORRECTED]}
        sought = sorted({word for words in candidates.values() for word in words})
        if not sought:
            return [], []
        spelt = await self._terms.find_words(index, sought)
        counted = await self._statistics.frequencies(index, spelt.values())
        words: list[_Word] = []
        expansions: list[Expansion] = []
        for term, spellings in candidates.items():
            known = [
                KnownWord(word, spelt[word], counted.dfs.get(spelt[word], 0.0)) for word in spellings if word in spelt
            ]
            best = rank_corrections(term.surface, known, _CORRECTIONS)
            if best:
                words += _group(best, term.qtf * CORRECTED_WEIGHT)
                expansions.append(Expansion("typo", term.surface, tuple(word.surface for word in best)))
        return words, expansions

    async def _expanded(self, index: Index, parsed: ParsedQuery) -> tuple[list[_Word], list[Expansion]]:
        """Find the most frequent words that begin as asked for."""
        words: list[_Word] = []
        expansions: list[Expansion] = []
        for prefix in parsed.prefixes:
            spelt = await self._terms.words_with_prefix(index, prefix, _PREFIX_LOOKED_AT)
            counted = await self._statistics.frequencies(index, spelt.values())
            known = [KnownWord(word, term, counted.dfs.get(term, 0.0)) for word, term in spelt.items()]
            best = sorted((word for word in known if word.df), key=lambda word: (-word.df, word.surface))[
                :_PREFIX_WORDS
            ]
            words += _group({word.term_id: word for word in best}.values(), 1)
            expansions.append(Expansion("prefix", f"{prefix}*", tuple(word.surface for word in best)))
        return words, expansions

    async def _with_tiers(
        self, index: Index, dfs: Mapping[int, float], weights: Mapping[int, float]
    ) -> tuple[TermStatistics, ...]:
        """Add to each term in how many chunks it weighs how much."""
        frequent = np.array([term for term in weights if dfs[term] >= _TIERS_FROM], np.int32)
        tiers = [tier_tokens(frequent, tier).tolist() for tier in range(len(TIER_EDGES))]
        found = await self._statistics.frequencies(index, [token for tier in tiers for token in tier], listed_only=True)
        by_term: dict[int, tuple[float, ...]] = {}
        for place, term in enumerate(frequent.tolist()):
            sizes = [found.dfs.get(tier[place], found.floor) for tier in tiers]
            by_term[term] = tuple(np.minimum.accumulate([dfs[term], *sizes])[1:].tolist())
        nothing = (0.0,) * len(TIER_EDGES)
        return tuple(
            TermStatistics(term, weight, dfs[term], by_term.get(term, nothing)) for term, weight in weights.items()
        )


def _group(words: Iterable[KnownWord], times: float) -> list[_Word]:
    """Let words stand for one: a chunk with any of them is as rare as one with the group."""
    listed = list(words)
    together = sum(word.df for word in listed)
    return [_Word(word.term_id, times, word.df, together) for word in listed]


def _weights(words: Iterable[_Word], chunks: int) -> dict[int, float]:
    """Weigh terms; one that was typed and also stands for another counts as what is more."""
    weights: dict[int, float] = {}
    for word in words:
        weight = word.times * float(idf(word.group_df, chunks))
        weights[word.term_id] = max(weights.get(word.term_id, 0.0), weight)
    return weights
