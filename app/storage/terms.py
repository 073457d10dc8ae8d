"""What is known of an index's terms: how often they occur, and the words behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.storage.database import Database
from app.storage.statements import statement


@dataclass(frozen=True, slots=True)
class TermsSize:
    """How many chunks have terms; when they were last analysed, and how many there were then."""

    chunks: int
    analysed_chunks: float
    analysed_at: datetime | None


class TermsRepository:
    """Statistics and vocabulary; reads go to the search pool."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def size(self, index: Index) -> TermsSize:
        """Return how large the index is, and how old its statistics."""
        async with self._database.session("search") as session:
            row = await session.fetch_row(statement("terms/get_size"), index)
        if row is None:
            return TermsSize(0, 0.0, None)
        return TermsSize(row["chunks"], row["analysed_chunks"], row["analysed_at"])

    async def frequencies(self, index: Index) -> dict[int, float]:
        """Return, of the most frequent tokens, the share of chunks that have each."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("terms/list_frequencies"), index)
        return {row["token"]: row["share"] for row in rows}

    async def count(self, index: Index, tokens: Sequence[int]) -> dict[int, int]:
        """Count in how many chunks each token occurs."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("terms/count_chunks"), index, tokens=list(tokens))
        return {row["token"]: row["chunks"] for row in rows}

    async def find_words(self, index: Index, words: Sequence[str]) -> dict[str, int]:
        """Return the term ids of those words that the vocabulary has."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("terms/find_words"), index, words=list(words))
        return {row["term"]: row["term_id"] for row in rows}

    async def words_with_prefix(self, index: Index, prefix: str, limit: int) -> dict[str, int]:
        """Return term ids by word, for the first words in code point order that begin so."""
        async with self._database.session("search") as session:
            rows = await session.fetch(
                statement("terms/list_words"), index, first=prefix, last=_after(prefix), limit=limit
            )
        return {row["term"]: row["term_id"] for row in rows}

    async def add_words(self, index: Index, words: Mapping[str, int]) -> None:
        """Enter words with their term ids; known ones stay."""
        async with self._database.session("write") as session:
            await session.execute(
                statement("terms/create_words"), index, terms=list(words), term_ids=list(words.values())
            )

    async def sample_titles(self, index: Index, limit: int) -> list[str]:
        """Return the titles of random documents; the empty text where there is none."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("terms/sample_titles"), index, limit=limit)
        return [row["title"] or "" for row in rows]

    async def sample_embeddings(self, index: Index, limit: int) -> NDArray[np.float32]:
        """Return the embeddings of random chunks, shape (n, dimension)."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("terms/sample_embeddings"), index, limit=limit)
        if not rows:
            return np.zeros((0, index.embedding_dimension), np.float32)
        return np.stack([row["embedding"] for row in rows]).astype(np.float32)


def _after(prefix: str) -> str | None:
    """Return the first text after all that begin so, in the order of COLLATE "C"; None: there is no end."""
    # UTF-8 sorts as code points do; surrogates are no characters.
    last = ord(prefix[-1]) + 1
    if 0xD800 <= last <= 0xDFFF:  # noqa: PLR2004  the surrogate range
        last = 0xE000
    return prefix[:-1] + chr(last) if last <= 0x10FFFF else None  # noqa: PLR2004  the last code point
