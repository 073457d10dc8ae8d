"""The maintainer's statements about terms, on its own connection."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.storage.codecs import SparseVector
from app.storage.database import Session
from app.storage.statements import statement

_BEGINNING = (UUID(int=0), -1)


@dataclass(frozen=True, slots=True)
class TermsState:
    """Chunks; rows written ever, and since the last ANALYZE; whether there was one."""

    chunks: int
    written: int
    changed: int
    analysed: bool


class TermsWeights(NamedTuple):
    """The weights of one chunk; tokens only where they are to be written."""

    document_key: UUID
    chunk_index: int
    length: int
    weights: SparseVector
    tokens: NDArray[np.int32] | None = None


class TermsUpkeepRepository:
    """Reads and changes what BM25 stands on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def state(self, index: Index) -> TermsState | None:
        """Return how much was written; None if the index was dropped."""
        row = await self._session.fetch_row(statement("maintenance/get_terms_state"), index)
        return None if row is None else TermsState(**dict(row))

    async def clean_pending(self, index: Index) -> None:
        """Move the pending entries of the GIN index into its tree."""
        await self._session.execute(statement("maintenance/clean_pending_terms"), index)

    async def analyse(self, index: Index) -> None:
        """Refresh the statistics of terms."""
        await self._session.build(statement("maintenance/analyse_terms"), index)

    async def average_length(self, index: Index, limit: int) -> float | None:
        """Return the mean length of chunks, by a sample of some size; None without any."""
        row = await self._session.fetch_row(statement("maintenance/measure_length"), index, limit=limit)
        return None if row is None else row["average_length"]

    async def sample_embeddings(self, index: Index, limit: int) -> NDArray[np.float32]:
        """Return embeddings of random chunks, shape (n, dimension)."""
        rows = await self._session.fetch(statement("terms/sample_embeddings"), index, limit=limit)
        if not rows:
            return np.zeros((0, index.embedding_dimension), np.float32)
        return np.stack([row["embedding"] for row in rows]).astype(np.float32)

    async def set_background_cosine(self, index: Index, cosine: float) -> None:
        """Enter the mean cosine of unrelated pairs."""
        await self._session.execute(statement("maintenance/set_background_cosine"), index, background_cosine=cosine)

    async def set_average_length(self, index: Index, average_length: float) -> None:
        """Replace the average length."""
        await self._session.execute(statement("maintenance/set_average_length"), index, average_length=average_length)

    @asynccontextmanager
    async def stretch(
        self, index: Index, after: tuple[UUID, int] | None, limit: int
    ) -> AsyncIterator[list[TermsWeights]]:
        """Lock the next rows by key in a transaction; empty at the end."""
        key, chunk = after or _BEGINNING
        async with self._session.transaction():
            rows = await self._session.fetch(
                statement("maintenance/lock_terms"), index, after_key=key, after_chunk=chunk, limit=limit
            )
            yield [TermsWeights(**dict(row)) for row in rows]

    async def update(self, index: Index, rows: Sequence[TermsWeights]) -> None:
        """Write weights and tokens of rows that are locked."""
        await self._session.fetch_each(
            statement("maintenance/update_terms"),
            index,
            [
                {
                    "document_key": row.document_key,
                    "chunk_index": row.chunk_index,
                    "weights": row.weights,
                    "tokens": [] if row.tokens is None else row.tokens.tolist(),
                }
                for row in rows
            ],
        )
