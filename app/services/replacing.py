"""Replacing the chunks of locked documents, one batch after another, within one transaction."""

from collections.abc import Collection, Sequence
from typing import Self
from uuid import UUID

from app.domain.documents import Document
from app.domain.errors import Flaw, InvalidRequestError
from app.domain.indexes import Index
from app.domain.replacement import ChunkKey, ChunkState, Replacement, plan_replacement
from app.observability import metrics
from app.services.terms import tokeniser_name
from app.services.vocabulary import Bags
from app.storage.chunks import ChunkRepository
from app.storage.database import Session
from app.text.batches import weigh_batch


class ChunkReplacement:
    """Compares what comes with what is stored, and writes only what differs.

    ``new`` are documents that were not there, and come in one batch.
    """

    def __init__(
        self,
        session: Session,
        chunks: ChunkRepository,
        index: Index,
        average_length: float,
        stored: dict[ChunkKey, ChunkState],
        new: Collection[UUID] = (),
    ) -> None:
        self._session = session
        self._new = new
        self._chunks = chunks
        self._index = index
        self._average_length = average_length
        self.stored = stored
        self.seen: set[ChunkKey] = set()

    @classmethod
    async def of(
        cls,
        session: Session,
        chunks: ChunkRepository,
        index: Index,
        average_length: float,
        existing: Sequence[UUID],
    ) -> Self:
        """Begin with the documents that were there; the caller has them locked."""
        stored = await chunks.states(session, index, existing) if existing else {}
        return cls(session, chunks, index, average_length, stored)

    async def add(self, documents: Sequence[Document], bags: Bags) -> None:
        """Write the chunks of documents; ``bags`` are the terms of at least these chunks.

        Raises
        ------
        InvalidRequestError
            A chunk came before, in an earlier batch.
        """
        plan, keys = plan_replacement(documents, self.stored, tokeniser_name(self._index))
        if again := sorted(chunk_index for _, chunk_index in keys & self.seen):
            raise InvalidRequestError(
                "A chunk came in two parts.",
                [Flaw("", "duplicate", f"Chunk indexes in more than one part: {again[:10]}.")],
            )
        self.seen |= keys
        changed = [bags[document.key, chunk.chunk_index] for document, chunk in plan.terms]
        terms = weigh_batch(changed, self._average_length)
        await self._chunks.apply(self._session, self._index, plan, terms, self._new)
        metrics.CHUNKS_INDEXED.labels("written").inc(len(plan.chunks))
        metrics.CHUNKS_INDEXED.labels("unchanged").inc(len(keys) - len(plan.chunks))

    async def remove_tail(self) -> None:
        """Remove what was stored and did not come."""
        tail = Replacement()
        tail.remove(key for key in self.stored if key not in self.seen)
        if tail.stale_chunks:
            await self._chunks.apply(self._session, self._index, tail)
            metrics.CHUNKS_INDEXED.labels("removed").inc(len(tail.stale_chunks))
