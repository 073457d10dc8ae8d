"""Filters by how much they keep, and the exact answers under each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.dataset import CHUNKS_PER_DOCUMENT, Dataset, Ints

K = 10
"""Hits asked for everywhere."""

SHARES = (0.5, 0.1, 0.03, 0.01, 0.001, 0.0001)
_QUERY_BLOCK = 50


@dataclass(frozen=True)
class Selection:
    """A filter.

    Parameters
    ----------
    name
        Also the label that the documents it keeps carry, in every system.
    share
        Of the documents.
    correlated
        Whether it keeps whole topics, so that most queries are far from what it keeps.
    documents
        Which it keeps; None keeps all, and no filter is sent.
    """

    name: str
    share: float
    correlated: bool = False
    documents: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)


OPEN = Selection("open", 1.0)


class Selections:
    """All filters of a data set, with the labels of documents and the exact answers to its queries."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        spread = [self._spread(number, share) for number, share in enumerate(SHARES)]
        topical = [self._topical(number, share) for number, share in enumerate(SHARES[:4])]
        nothing = Selection("none", 0.0, documents=np.zeros(dataset.documents, dtype=np.bool_))
        self.all = [OPEN, *spread, nothing, *topical]
        self._truth: dict[str, Ints] = {}

    def named(self, *names: str) -> list[Selection]:
        """Return some of them."""
        return [selection for selection in self.all if selection.name in names]

    @cached_property
    def labels(self) -> list[str]:
        """Every label there is, whether a document carries it or not."""
        return [selection.name for selection in self.all if selection.documents is not None]

    def labels_of(self, document: int) -> list[str]:
        """Return the labels of a document."""
        return [s.name for s in self.all if s.documents is not None and s.documents[document]]

    def truth(self, selection: Selection) -> Ints:
        """Return the chunks nearest to each query, shape (queries, K), -1 where there are fewer."""
        if selection.name not in self._truth:
            path = self._dataset.folder / f"truth-{selection.name}.npy"
            if not path.exists():
                np.save(path, exact_answers(self._dataset, selection.documents))
            self._truth[selection.name] = np.load(path)
        return self._truth[selection.name]

    def _spread(self, number: int, share: float) -> Selection:
        count = max(1, round(share * self._dataset.documents))
        kept = np.zeros(self._dataset.documents, dtype=np.bool_)
        kept[self._dataset.rng(4, number).choice(self._dataset.documents, count, replace=False)] = True
        return Selection(f"spread_{share * 100:g}".replace(".", "_"), share, documents=kept)

    def _topical(self, number: int, share: float) -> Selection:
        """Keep whole topics in a random order while they fit; the last is cut."""
        topics = self._dataset.rng(5, number).permutation(self._dataset.recipe.topics)
        rank = np.empty_like(topics)
        rank[topics] = np.arange(len(topics))
        order = np.argsort(rank[self._dataset.topics], kind="stable")
        kept = np.zeros(self._dataset.documents, dtype=np.bool_)
        kept[order[: max(1, round(share * self._dataset.documents))]] = True
        return Selection(f"topical_{share * 100:g}".replace(".", "_"), share, correlated=True, documents=kept)


def exact_answers(dataset: Dataset, documents: NDArray[np.bool_] | None, queries: Sequence[int] | None = None) -> Ints:
    """Measure every chunk of some documents against queries, all of them by default."""
    chunks = np.arange(len(dataset.vectors))
    if documents is not None:
        chunks = chunks[np.repeat(documents, CHUNKS_PER_DOCUMENT)]
    asked = dataset.queries if queries is None else dataset.queries[list(queries)]
    found = np.full((len(asked), K), -1, dtype=np.int64)
    if not len(chunks):
        return found
    vectors = dataset.vectors[chunks]
    width = min(K, len(chunks))
    for start in range(0, len(asked), _QUERY_BLOCK):
        scores = asked[start : start + _QUERY_BLOCK] @ vectors.T
        best = np.argpartition(-scores, width - 1, axis=1)[:, :width]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        found[start : start + _QUERY_BLOCK, :width] = chunks[np.take_along_axis(best, order, axis=1)]
    return found


def recall(found: Sequence[int], wanted: Ints) -> float:
    """Return the share of the exact answer that was found; an empty one is found by finding nothing."""
    exact = {int(chunk) for chunk in wanted if chunk >= 0}
    if not exact:
        return 0.0 if found else 1.0
    return len(exact.intersection(found)) / len(exact)
