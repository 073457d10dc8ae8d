"""The returned page: what is shown of its chunks, exact phrases first, highlights, features."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.indexes import Index
from app.domain.search import Hit, Search
from app.services.interpreting import Interpreted
from app.services.keyword import holding_places
from app.services.terms import tokeniser_for
from app.storage.candidates import CandidateReader, ChunkId
from app.text.bm25 import K1
from app.text.highlights import highlight
from app.text.phrases import Phrase, parse_query

LIFTED_HEAD = 30
"""Hits among which those that hold the whole query as a phrase come first: BM25 knows nothing of order, and leaves
what holds a part of an identifier far behind what repeats its words (docs/ranking.md). Fixed, so that the order of
hits does not depend on how many are asked for."""

_LONGEST_LIFTED = 8
"""Words of a query that may be meant as a phrase without quotes; a longer one is a sentence."""

HYBRID_LIFT = 0.3
"""What the whole query as a phrase adds in the default hybrid profile."""

_IN_THREAD_FROM = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """A chunk with its score's parts, which add up to it, and what they were made from."""

    chunk: ChunkId
    parts: Mapping[str, float]
    features: Mapping[str, float]

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())


async def make_page(
    reader: CandidateReader,
    index: Index,
    search: Search,
    query: Interpreted,
    scored: Sequence[Scored],
    weights: Mapping[str, float],
    *,
    lift: float,
) -> list[Hit]:
    """Make the hits of a ranked search.

    Parameters
    ----------
    reader, index, search, query
        As for the candidates.
    scored
        Best first: the page, and at least `LIFTED_HEAD` if there are as many.
    weights
        What the features were weighed with, shown on request.
    lift
        What holding the whole query as a phrase adds to the score of one of the first; 0 for nothing.
    """
    phrase = _whole_phrase(index, search, query) if lift else None
    if phrase is not None:
        scored = await _lifted(reader, index, scored, phrase, lift)
    scored = scored[: search.limit]
    if search.min_score is not None:
        scored = [item for item in scored if item.score >= search.min_score]
    rows = await reader.hits([item.chunk for item in scored])
    shown = [] if phrase is None else [phrase]
    highlights = await _highlights(index, search, query, [row["content"] for row in rows], shown)
    return [
        Hit(row, item.score, _features(item, weights, explain=search.explain), fragments)
        for item, row, fragments in zip(scored, rows, highlights, strict=True)
    ]


def keyword_lift(query: Interpreted) -> float:
    """Return what a phrase adds to BM25: it makes up for any repetition of scattered words."""
    return K1 * sum(query.weights.values())


def _whole_phrase(index: Index, search: Search, query: Interpreted) -> Phrase | None:
    """Read a short query as the phrase it may be meant as."""
    parsed = query.parsed
    if parsed.phrases or parsed.prefixes or query.expansions or not 1 < len(parsed.terms) <= _LONGEST_LIFTED:
        return None
    whole = parse_query(f'"{search.query or ""}"', tokeniser_for(index.language)).phrases
    if not whole or not 1 < len(whole[0].steps) <= _LONGEST_LIFTED:
        return None
    return whole[0] if set(whole[0].required) <= query.weights.keys() else None


async def _lifted(
    reader: CandidateReader, index: Index, scored: Sequence[Scored], phrase: Phrase, lift: float
) -> list[Scored]:
    """Add the lift among the first, and put them in order again."""
    head = list(scored[:LIFTED_HEAD])
    texts = await reader.texts([item.chunk for item in head])
    for place in await asyncio.to_thread(holding_places, index, texts, [phrase]):
        item = head[place]
        head[place] = replace(item, parts={**item.parts, "phrase": lift})
    head.sort(key=lambda item: -item.score)  # stable: ties keep their order
    return [*head, *scored[LIFTED_HEAD:]]


async def _highlights(
    index: Index, search: Search, query: Interpreted, texts: Sequence[str], phrases: Sequence[Phrase]
) -> list[list[str]]:
    if not search.highlight or not query.weights:
        return [[] for _ in texts]
    tokeniser = tokeniser_for(index.language)
    sought = (*query.phrases, *phrases)

    def cut() -> list[list[str]]:
        return [highlight(text, tokeniser, query.weights, sought) for text in texts]

    return cut() if len(texts) < _IN_THREAD_FROM else await asyncio.to_thread(cut)


def _features(item: Scored, weights: Mapping[str, float], *, explain: bool) -> dict[str, float]:
    """Show the scores a hit was found by; on request everything, with NaN for nothing left out."""
    if not explain:
        return {name: item.features[name] for name in ("cosine", "bm25", "bm25_content") if name in item.features}
    shown = {name: value for name, value in item.features.items() if value == value}  # noqa: PLR0124  NaN
    shown |= {f"part_{name}": value for name, value in item.parts.items()}
    return shown | {f"weight_{name}": value for name, value in weights.items()}
