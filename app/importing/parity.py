"""The same questions put to two engines, to see whether they answer alike."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from app.domain.callers import OPERATOR
from app.domain.filters import Filters
from app.domain.imports import SourceError
from app.domain.indexes import Index
from app.domain.ranking import RankProfile
from app.domain.search import Mode, Search
from app.domain.verification import Parity, Question, Ranking, overlap, rank_correlation
from app.services.searching import SearchService

MODES: tuple[Mode, ...] = ("semantic", "keyword", "hybrid")
_WORDS = 6


class SearchedEngine(Protocol):
    """An engine that can be asked as Onyx asks it."""

    rank_profile: ClassVar[RankProfile]
    """Ours that computes what this engine does."""

    async def rank(self, mode: Mode, question: Question, limit: int) -> Ranking:
        """Return documents and chunks, the best first."""

    async def close(self) -> None:
        """Close the connections."""


async def compare_rankings(
    ours: SearchService, index: Index, theirs: SearchedEngine, questions: Sequence[Question], limit: int
) -> dict[str, Parity]:
    """Put the same questions to both, in each mode, and compare the heads of the answers.

    Raises
    ------
    SourceError
        The other engine does not answer, or not in the shape expected.
    """
    return {mode: await _compare(ours, index, theirs, mode, questions, limit) for mode in MODES}


async def _compare(
    ours: SearchService, index: Index, theirs: SearchedEngine, mode: Mode, questions: Sequence[Question], limit: int
) -> Parity:
    overlaps, correlations = [], []
    everything = OPERATOR.permit(Filters(hidden=None))
    for question in questions:
        if mode != "semantic" and not question.text:
            continue
        asked = Search(
            everything,
            query=question.text if mode != "semantic" else None,
            embedding=question.embedding if mode != "keyword" else None,
            mode=mode,
            rank_profile=theirs.rank_profile if mode != "semantic" else None,
            query_type="semantic",
            limit=limit,
            highlight=False,
        )
        answer = await ours.search(index.tenant_id, index.name, asked)
        here = [(hit.row["document_id"], hit.row["chunk_index"]) for hit in answer.hits]
        try:
            there = await theirs.rank(mode, question, limit)
        except (KeyError, TypeError, ValueError, httpx.HTTPError) as error:
            raise SourceError(f"The search of the source answers in a shape not known: {error!r}") from error
        overlaps.append(overlap(here, there, limit))
        correlations.append(rank_correlation(here, there))
    known = [value for value in correlations if value is not None]
    return Parity(
        len(overlaps),
        limit,
        float(np.mean(overlaps)) if overlaps else 0.0,
        float(np.mean(known)) if known else None,
    )


def mixed_questions(chunks: Sequence[tuple[str, NDArray[np.float16]]]) -> list[Question]:
    """Make questions that lie between stored chunks, as real ones do, and on none of them.

    Parameters
    ----------
    chunks
        Texts and embeddings, two for each question: its words are from the first.
    """
    questions = []
    for (text, one), (_, other) in zip(chunks[::2], chunks[1::2], strict=False):
        vector = (0.7 * one.astype(np.float32) + 0.3 * other.astype(np.float32)).astype(np.float32)
        if vector.any():
            questions.append(Question(vector, _middle(text)))
    return questions


def _middle(text: str) -> str:
    """Take some words in a row: quotes and stars would be read as more than words."""
    words = text.replace('"', " ").replace("*", " ").split()
    start = max(0, (len(words) - _WORDS) // 2)
    return " ".join(words[start : start + _WORDS])
