"""Keyword candidates: which statement finds them, and whether it found all that matter."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.services.interpreting import Interpreted
from app.services.terms import tokeniser_for
from app.storage.candidates import CandidateReader, ChunkId, chunk_ids
from app.storage.nearest import Rows
from app.text.candidates import CandidatePlan, Together, choose_candidates
from app.text.layout import TextLayout
from app.text.phrase_search import find_phrase
from app.text.phrases import Phrase

SMALL = 20_000
"""Chunks up to which an index, or what a filter leaves of it, is measured one by one."""

BUDGET = 3_000
"""Chunks scored for a keyword search, about; more under a filter, up to `LARGEST_BUDGET`."""

HYBRID_BUDGET = 2_000
"""The same in a hybrid search, where the vector finds what this misses."""

LARGEST_BUDGET = 20_000

_PHRASE_CANDIDATES = 5_000
_CHECKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates, best first: rows of one of the keyword statements.

    ``exact``: no chunk outside them has a higher BM25. ``complete``: if they are fewer than asked for, there
    are no more.
    """

    rows: Rows
    strategy: str
    exact: bool
    complete: bool = True
    degraded: tuple[str, ...] = ()

    @property
    def chunks(self) -> list[ChunkId]:
        """Their keys."""
        return chunk_ids(self.rows)


async def find_keyword(
    reader: CandidateReader,
    index: Index,
    query: Interpreted,
    limit: int,
    share: float,
    *,
    budget: int = BUDGET,
    force_exact: bool = False,
) -> Found:
    """Find the best chunks by BM25 that pass the filter.

    Parameters
    ----------
    reader
        Reads the index under the filter.
    index
        The index.
    query
        What is looked for.
    limit
        How many at most.
    share
        Which share of the index passes the filter, about.
    budget
        How many chunks of an unfiltered index may be scored.
    force_exact
        Measure every chunk that passes the filter.
    """
    if query.phrases:
        return await _find_phrases(reader, index, query, limit, share)
    if not query.weights:
        return Found([], "empty", exact=True)
    vector = query.vector
    if share * query.chunks <= SMALL < query.chunks or force_exact:
        return Found(await reader.keyword_exact(vector, limit), "exact", exact=True)
    if query.chunks <= SMALL:
        return Found(await reader.keyword_scan(vector, limit), "scan", exact=True)
    room = max(min(int(budget / share), LARGEST_BUDGET), 5 * limit)
    plan = choose_candidates(query.terms, room, query.chunks)
    rows = await reader.keyword_candidates(vector, limit, plan.any_terms, plan.together, plan.parts)
    if len(rows) < limit and plan.unseen_bound > 0:
        return Found(await reader.keyword_exact(vector, limit), "exact", exact=True)
    return Found(rows, "candidates", exact=_is_exact(rows, plan, limit))


def _is_exact(rows: Rows, plan: CandidatePlan, limit: int) -> bool:
    """Tell whether nothing unseen can be among the first: its bound is not above the last of them."""
    if plan.unseen_bound <= 0:
        return True
    return len(rows) >= limit and plan.unseen_bound <= rows[limit - 1]["bm25"]


async def _find_phrases(reader: CandidateReader, index: Index, query: Interpreted, limit: int, share: float) -> Found:
    """Find chunks that hold every phrase: those with all of the phrases' terms, their texts checked in order."""
    required = sorted({term for phrase in query.phrases for term in phrase.required})
    if not set(required) <= query.weights.keys():
        return Found([], "phrase", exact=True)  # a term that no chunk has
    if not required:
        return await _find_stop_phrases(reader, index, query, limit, share)
    meeting = Together(every=_int32(required), some=_int32(required[:1]))
    rows = await reader.keyword_candidates(query.vector, _PHRASE_CANDIDATES, _int32([]), (meeting,))
    kept, all_checked = await _holding(reader, index, rows, query.phrases, limit)
    complete = len(kept) >= limit or (all_checked and len(rows) < _PHRASE_CANDIDATES)
    return Found(kept, "phrase", exact=complete, complete=complete)


async def _find_stop_phrases(
    reader: CandidateReader, index: Index, query: Interpreted, limit: int, share: float
) -> Found:
    """Look for phrases of stop words, which lead to no chunks, in the chunks that other words lead to."""
    bare = replace(query, parsed=replace(query.parsed, phrases=()))
    found = await find_keyword(reader, index, bare, max(limit, 1_000), share)
    kept, _ = await _holding(reader, index, found.rows, query.phrases, limit)
    note = "A phrase of stop words only was looked for in the best chunks by the other words."
    complete = len(kept) >= limit
    return Found(kept, "phrase", exact=False, complete=complete, degraded=(note,))


async def _holding(
    reader: CandidateReader, index: Index, rows: Rows, phrases: Sequence[Phrase], limit: int
) -> tuple[Rows, bool]:
    """Keep, in order and up to the limit, what holds every phrase; also tell whether all were looked at."""
    kept: list[int] = []
    for start in range(0, len(rows), _CHECKED_AT_ONCE):
        if len(kept) >= limit:
            return [rows[place] for place in kept[:limit]], False
        texts = await reader.texts(chunk_ids(rows[start : start + _CHECKED_AT_ONCE]))
        holding = await asyncio.to_thread(holding_places, index, texts, phrases)
        kept += [start + place for place in holding]
    return [rows[place] for place in kept[:limit]], True


def holding_places(
    index: Index, texts: Sequence[tuple[int, str, str]], phrases: Sequence[Phrase], slop: int = 0
) -> list[int]:
    """Return the places of those texts that hold every phrase, in the title or in the content."""
    tokeniser = tokeniser_for(index.language)

    def held(*texts: str) -> bool:
        layouts = [TextLayout(text, tokeniser) for text in texts]
        return all(any(find_phrase(layout, phrase, slop) for layout in layouts) for phrase in phrases)

    return [place for place, title, content in texts if held(content, title)]


def _int32(terms: Sequence[int]) -> NDArray[np.int32]:
    return np.array(terms, np.int32)
