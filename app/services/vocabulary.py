"""The words of an index, noted as they are indexed, for prefixes and typos."""

import asyncio
from collections.abc import Sequence

from app.domain.documents import Document
from app.domain.indexes import Index
from app.services.terms import tokeniser_for
from app.storage.terms import TermsRepository

_LONGEST = 64
"""Characters of a word; longer ones are blobs that nobody types."""

_REMEMBERED = 500_000


class Vocabulary:
    """Remembers what it has written, so that a batch writes only words that are new to the process.

    Words are committed ahead of the documents that hold them: a word without a document is never suggested,
    since its term has no frequency, and writers never wait for each other's transactions.
    """

    def __init__(self, terms: TermsRepository) -> None:
        self._terms = terms
        self._known: set[tuple[int, str]] = set()

    async def learn(self, index: Index, documents: Sequence[Document]) -> None:
        """Note the words of documents."""
        words = await asyncio.to_thread(_words, index, documents)
        new = {
            word: term
            for word, term in words.items()
            if len(word) <= _LONGEST and (index.index_id, word) not in self._known
        }
        if not new:
            return
        await self._terms.add_words(index, new)
        if len(self._known) + len(new) > _REMEMBERED:
            self._known.clear()
        self._known.update((index.index_id, word) for word in new)


def _words(index: Index, documents: Sequence[Document]) -> dict[str, int]:
    texts = (
        text for document in documents for text in (document.title or "", *(chunk.content for chunk in document.chunks))
    )
    return tokeniser_for(index.language).vocabulary(texts)
