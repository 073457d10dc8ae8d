"""What scoring needs to know of an index as a whole, remembered for seconds.

Nothing here is written by those who index: frequencies are what ANALYZE found (docs/adr/0008), and what it
did not list is counted in the GIN index when it is asked for.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.services.terms import tokeniser_for
from app.storage.terms import TermsRepository, TermsSize

_FRESH_SECONDS = 5.0
_SAMPLE_SECONDS = 300.0
_REMEMBERED = 64

_DRIFT = 0.1
"""By which part an index may have grown or shrunk while its statistics still count as exact."""

_LARGE = 50_000
"""Chunks from which on counting frequent tokens costs more than old statistics do harm."""

_MOST_COUNTED = 100
"""Tokens counted for one query, of those that ANALYZE did not list. Of a text with more, single rare words hardly
matter: the others are reckoned with the floor."""

_SAMPLE = 1_000
_EMBEDDING_SAMPLE = 200


@dataclass(slots=True)
class _Known:
    """What is remembered of one index."""

    size: TermsSize
    at: float
    shares: Mapping[int, float] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    rarest_share: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether the shares ANALYZE found still hold."""
        now, then = self.size.chunks, self.size.analysed_chunks
        if not self.shares or then <= 0:
            return False
        return abs(now - then) <= _DRIFT * max(now, 1) or (now > _LARGE and then > _DRIFT * now)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Document frequencies by token, and the number of chunks they refer to.

    ``floor`` is an estimate for a frequent term's tier that ANALYZE did not list; 0 if all were counted.
    """

    chunks: int
    dfs: Mapping[int, float]
    floor: float


class IndexStatistics:
    """Sizes, document frequencies, mean title length and background cosine of indexes."""

    def __init__(self, terms: TermsRepository) -> None:
        self._terms = terms
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._titles: dict[int, tuple[float, float]] = {}
        self._cosines: dict[int, tuple[float, float]] = {}

    async def chunks(self, index: Index) -> int:
        """Return how many chunks there are, as of a few seconds ago."""
        return (await self._fresh(index)).size.chunks

    async def frequencies(self, index: Index, tokens: Iterable[int], *, listed_only: bool = False) -> Frequencies:
        """Return document frequencies of tokens.

        Parameters
        ----------
        index
            The index.
        tokens
            Term ids or tier tokens.
        listed_only
            Leave tokens that ANALYZE did not list out, unless there are no statistics to go by.
        """
        known = await self._fresh(index)
        wanted = dict.fromkeys(tokens)
        dfs: dict[int, float] = {}
        if known.usable:
            dfs = {token: known.shares[token] * known.size.chunks for token in wanted if token in known.shares}
        floor = known.rarest_share * known.size.chunks / 2 if known.usable else 0.0
        if not (listed_only and known.usable):
            missing = [token for token in wanted if token not in dfs]
            if known.usable:
                dfs |= dict.fromkeys(missing[_MOST_COUNTED:], floor)
                missing = missing[:_MOST_COUNTED]
            dfs |= await self._counted(index, known, missing)
        return Frequencies(known.size.chunks, dfs, floor)

    async def title_length(self, index: Index) -> float:
        """Return the mean number of terms of titles, at least 1, by a sample."""
        value, at = self._titles.get(index.index_id, (1.0, 0.0))
        if not at or monotonic() - at > _SAMPLE_SECONDS:
            tokeniser = tokeniser_for(index.language)
            lengths = [tokeniser.terms(title).total() for title in await self._terms.sample_titles(index, _SAMPLE)]
            value = max(1.0, sum(lengths) / max(1, len(lengths)))
            self._titles[index.index_id] = (value, monotonic())
        return value

    async def background_cosine(self, index: Index) -> float:
        """Return the mean cosine of unrelated chunks: the maintainer's figure, until then a sample's."""
        if index.background_cosine is not None:
            return index.background_cosine
        value, at = self._cosines.get(index.index_id, (0.0, 0.0))
        if not at or monotonic() - at > _FRESH_SECONDS:
            value = mean_cosine(await self._terms.sample_embeddings(index, _EMBEDDING_SAMPLE))
            self._cosines[index.index_id] = (value, monotonic())
        return value

    async def _fresh(self, index: Index) -> _Known:
        known = self._known.get(index.index_id)
        if known is not None and monotonic() - known.at < _FRESH_SECONDS:
            return known
        size = await self._terms.size(index)
        if known is not None and known.size.analysed_at == size.analysed_at:
            shares = known.shares
        else:
            shares = await self._terms.frequencies(index)
        fresh = _Known(size, monotonic(), shares, rarest_share=min(shares.values(), default=0.0))
        self._known[index.index_id] = fresh
        self._known.move_to_end(index.index_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return fresh

    async def _counted(self, index: Index, known: _Known, tokens: list[int]) -> dict[int, float]:
        missing = [token for token in tokens if token not in known.counts]
        if missing:
            found = await self._terms.count(index, missing)
            # What is not there may come at any moment, and must be found then: it is asked for each time.
            known.counts.update({token: chunks for token, chunks in found.items() if chunks})
        return {token: float(known.counts.get(token, 0)) for token in tokens}


def mean_cosine(embeddings: NDArray[np.float32]) -> float:
    """Return the mean cosine of all pairs, shape (n, dimension), 0 to 0.99; 0 for fewer than two vectors."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    count = len(unit)
    if count < 2:  # noqa: PLR2004  it takes two to make a pair
        return 0.0
    total = float(np.square(unit.sum(axis=0, dtype=np.float64)).sum())
    return float(np.clip((total - count) / (count * (count - 1)), 0.0, 0.99))
