"""From two lists of chunks to the arrays that ranking works on: every score of every candidate."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.domain.indexes import Index
from app.domain.ranking import UNDATED_AGE, UNRANKED, Candidates, Floats, Ints
from app.domain.ranking_lists import PHRASE_SLOP
from app.domain.vectors import Vector
from app.services.interpreting import Interpreted
from app.services.terms import tokeniser_for
from app.storage.candidates import CandidateReader, ChunkId
from app.text.bm25 import saturation
from app.text.layout import TextLayout
from app.text.phrase_search import find_phrase
from app.text.phrases import Phrase, parse_query

_YEAR = 31_536_000.0
_CERTAIN = 0.95
"""A chunk with every word of a phrase has each at least once, which is this much of a BM25 at least: some weights
may still be reckoned with an average length a little off."""

_SLOPPY = 0.5
"""What a match one place off counts, as in Lucene: 1 / (1 + distance)."""


async def score_candidates(
    reader: CandidateReader,
    query: Interpreted,
    embedding: Vector,
    nearest: Sequence[ChunkId],
    keyword: Sequence[ChunkId],
    *,
    titles: "TitleScorer | None" = None,
) -> tuple[list[ChunkId], Candidates]:
    """Compute every score for the union of two lists.

    Returns
    -------
    tuple
        The chunks, and their candidates in the same order.
    """
    chunks = list(dict.fromkeys((*nearest, *keyword)))
    rows = await reader.scores(chunks, embedding, query.vector, with_titles=titles is not None)
    zeros = np.zeros(len(rows))
    words = zeros if titles is None else np.array([titles.words(row["title"]) for row in rows])
    return chunks, Candidates(
        cosine=np.nan_to_num(_cosines(rows, "distance")),
        bm25=np.array([row["bm25"] for row in rows], np.float64),
        vector_rank=_ranks(chunks, nearest),
        keyword_rank=_ranks(chunks, keyword),
        boost=np.array([row["boost"] for row in rows], np.int64),
        age=_ages(rows),
        title_cosine=np.full(len(rows), np.nan) if titles is None else _cosines(rows, "title_distance"),
        title_bm25=words,
        title_phrase=zeros if titles is None else np.array([titles.phrases(row["title"]) for row in rows]),
        content_phrase=zeros if titles is None else await titles.content_phrases(reader, chunks, rows),
    )


class TitleScorer:
    """Scores the profiles need that compare titles, or the query as a phrase; on top of what is stored.

    The frequencies of terms are those of chunks, whose terms include the title's.
    """

    def __init__(self, index: Index, query: Interpreted, text: str, title_length: float, *, phrases: bool) -> None:
        self._index = index
        self._weights = query.weights
        self._title_length = title_length
        self._tokeniser = tokeniser_for(index.language)
        whole = parse_query('"' + text.replace('"', " ") + '"', self._tokeniser).phrases if phrases else ()
        self._phrase: Phrase | None = next(iter(whole), None)
        if self._phrase is not None and not set(self._phrase.required) <= self._weights.keys():
            self._phrase = None  # a term that no chunk has
        rarity = {term.id: self._weights.get(term.id, 0.0) / term.qtf for term in query.parsed.terms}
        self._phrase_weight = sum(rarity.get(term, 0.0) for term in (self._phrase.required if self._phrase else ()))

    def words(self, title: str | None) -> float:
        """Return the BM25 of a title."""
        counts = self._tokeniser.terms(title or "")
        length = counts.total()
        return sum(
            self._weights[term] * saturation(times, length, self._title_length)
            for term, times in counts.items()
            if term in self._weights
        )

    def phrases(self, title: str | None) -> float:
        """Return the BM25 of the query as a phrase in a title."""
        return self._phrase_score(title or "", None, self._title_length) if self._phrase else 0.0

    async def content_phrases(
        self, reader: CandidateReader, chunks: Sequence[ChunkId], rows: Sequence[Mapping[str, Any]]
    ) -> Floats:
        """Return the BM25 of the query as a phrase in each content, shape (n,)."""
        scores = np.zeros(len(rows))
        if self._phrase is None or not self._phrase.required or not len(rows):
            return scores
        # None for the first second of an index: then these chunks are all there is to go by.
        average = self._index.average_length or float(np.mean([row["length"] for row in rows]))
        least = [_CERTAIN * self._phrase_weight * saturation(1, row["length"], average) for row in rows]
        places = [place for place, row in enumerate(rows) if row["bm25"] >= least[place]]
        for found, _, content in await reader.texts([chunks[place] for place in places]):
            place = places[found]
            scores[place] = self._phrase_score(content, rows[place]["length"], average)
        return scores

    def _phrase_score(self, text: str, length: int | None, average_length: float) -> float:
        if self._phrase is None:
            return 0.0
        layout = TextLayout(text, self._tokeniser)
        near = len(find_phrase(layout, self._phrase, PHRASE_SLOP))
        if not near:
            return 0.0
        exact = len(find_phrase(layout, self._phrase))
        own = self._tokeniser.terms(text).total() if length is None else length
        return self._phrase_weight * saturation(exact + _SLOPPY * max(near - exact, 0), own, average_length)


def _cosines(rows: Sequence[Mapping[str, Any]], column: str) -> Floats:
    """Turn distances into cosines; NaN where there is none."""
    distances = np.array([np.nan if row[column] is None else row[column] for row in rows], np.float64)
    return np.clip(1.0 - distances, -1.0, 1.0)


def _ranks(chunks: Sequence[ChunkId], listed: Sequence[ChunkId]) -> Ints:
    places = {chunk: place for place, chunk in enumerate(listed)}
    return np.array([places.get(chunk, UNRANKED) for chunk in chunks], np.int64)


def _ages(rows: Sequence[Mapping[str, Any]]) -> Floats:
    now = datetime.now(UTC)
    ages = np.array(
        [
            UNDATED_AGE if row["updated_at"] is None else (now - row["updated_at"]).total_seconds() / _YEAR
            for row in rows
        ],
        np.float64,
    )
    return np.maximum(ages, 0.0)
