"""What BM25 stands on is kept true: statistics, the average length, the background cosine."""

import structlog

from app.domain.indexes import Index
from app.services.statistics import mean_cosine
from app.storage.codecs import SparseVector
from app.storage.terms_upkeep import TermsState, TermsUpkeepRepository, TermsWeights
from app.text.bm25 import reweigh, tokens_of

log = structlog.get_logger()

_CHANGED_SHARE = 0.1
_CHANGED_LEAST = 20
"""An index is looked at again when more than this share of it, and this many rows, were written."""

_SAMPLE = 20_000
"""Chunks whose mean length is taken: its error is below 0.5 %."""

_EMBEDDINGS = 1_000

_DRIFT = 0.02
"""By which part the average length may be off before every chunk is weighed anew: at 2 % nDCG moves by less
than 0.001 (docs/adr/0008-term-statistics.md)."""

_STRETCH = 500


class TermsUpkeep:
    """Looks after the terms of one index after the other; remembers how much was written when it last did."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    async def care_for(self, repository: TermsUpkeepRepository, index: Index) -> None:
        """Do what is due for an index."""
        state = await repository.state(index)
        if state is None or not self._is_due(index, state):
            return
        if not state.analysed or state.changed > _threshold(state.chunks):
            await repository.clean_pending(index)
            await repository.analyse(index)
        await self._correct_length(repository, index)
        cosine = mean_cosine(await repository.sample_embeddings(index, _EMBEDDINGS))
        await repository.set_background_cosine(index, cosine)
        self._seen[index.index_id] = state.written

    def _is_due(self, index: Index, state: TermsState) -> bool:
        seen = self._seen.get(index.index_id)
        return not state.analysed or seen is None or abs(state.written - seen) > _threshold(state.chunks)

    async def _correct_length(self, repository: TermsUpkeepRepository, index: Index) -> None:
        """Weigh every chunk anew if the average length that was settled on is off.

        Writers go on with the old one meanwhile, and are caught up with after the new one is entered. A
        sweep that is broken off is begun again, and passes over what is right already.
        """
        measured = await repository.average_length(index, _SAMPLE)
        if measured is None or index.average_length is None:
            return
        if abs(measured - index.average_length) <= _DRIFT * index.average_length:
            return
        chunks = await _sweep(repository, index, measured)
        await repository.set_average_length(index, measured)
        chunks += await _sweep(repository, index, measured)
        log.info(
            "terms_reweighed",
            index=index.name,
            tenant=index.tenant_id,
            average_length=round(measured, 1),
            was=round(index.average_length, 1),
            chunks=chunks,
        )


async def _sweep(repository: TermsUpkeepRepository, index: Index, average_length: float) -> int:
    """Weigh chunks anew, a stretch of keys at a time, each in a transaction; return how many changed."""
    changed = 0
    after = None
    while True:
        async with repository.stretch(index, after, _STRETCH) as rows:
            reweighed = (_reweighed(row, average_length) for row in rows)
            new = [row for row in reweighed if row is not None]
            await repository.update(index, new)
        changed += len(new)
        if not rows:
            return changed
        after = (rows[-1].document_key, rows[-1].chunk_index)


def _reweighed(row: TermsWeights, average_length: float) -> TermsWeights | None:
    values = reweigh(row.weights.values, row.length, average_length)
    if values is None:
        return None
    weights = SparseVector(row.weights.indices, values)
    return row._replace(weights=weights, tokens=tokens_of(weights.indices, values))


def _threshold(chunks: int) -> float:
    return _CHANGED_LEAST + _CHANGED_SHARE * chunks
