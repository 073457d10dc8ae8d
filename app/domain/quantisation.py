"""Bit-quantised graphs: what they hold of an embedding, and how many of the chunks they lead to must be reranked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from app.domain.planning import ef_for, usual_ef

Quantisation = Literal["none", "bit"]
"""What a graph holds of an embedding: all of it in half precision, or the signs of its numbers, a bit each."""

QUANTISATIONS: tuple[Quantisation, ...] = get_args(Quantisation)

RERANK_LADDER = (100, 200, 400, 800, 1_600, 3_200)
"""Numbers of reranked chunks whose recall is measured."""

WIDE = 100
"""Heads of so many are measured too: what a filter is applied to must be right further down than the first ten."""

USEFUL = 0.9
"""The least recall, however many are reranked, for which a bit-quantised graph is searched. Below it, as where all
numbers have the same sign, searches do better without."""

_UNMEASURED = 400


@dataclass(frozen=True, slots=True)
class Reranking:
    """How many of the chunks that differ in few signs are measured by their embeddings.

    Attributes
    ----------
    least
        For the ten nearest.
    oversampling
        For each row of a wide head.
    """

    least: int
    oversampling: float


def reranking_for(
    recalls: Mapping[int, float], wide_recalls: Mapping[int, float], wanted: float, *, wide: bool
) -> Reranking | None:
    """Return the least that was measured to reach a recall; None if nothing does.

    Parameters
    ----------
    recalls, wide_recalls
        Of the ten and of the hundred nearest, by the chunks that are reranked; empty if nothing was measured.
    wanted
        The recall.
    wide
        Whether more than the ten nearest of all are looked for.
    """
    least, widest = ef_for(recalls, wanted, _UNMEASURED), ef_for(wide_recalls, wanted, _UNMEASURED)
    if least is None or (wide and widest is None):
        return None
    return Reranking(least, (widest or max(wide_recalls)) / WIDE)


def usual_reranking(recalls: Mapping[int, float], wide_recalls: Mapping[int, float]) -> Reranking:
    """Return what searches do that ask for nothing special: if nothing reaches the target, the most there is."""
    return Reranking(usual_ef(recalls, _UNMEASURED), usual_ef(wide_recalls, _UNMEASURED) / WIDE)


def embedding_bytes(dimension: int, quantisation: Quantisation) -> int:
    """Return the bytes that a graph holds of one embedding."""
    return -(-dimension // 8) if quantisation == "bit" else 2 * dimension
