"""The words of an index, noted as they are indexed, for prefixes and typos."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from app.domain.documents import Document
from app.domain.indexes import Index
from app.domain.replacement import ChunkKey
from app.services.terms import tokeniser_for
from app.storage.terms import TermsRepository
from app.text.tokeniser import Tokeniser

T = TypeVar("T")

Bags = Mapping[ChunkKey, bytes]
"""The term ids of chunks with their titles, repeated ones included, as int32."""

_LONGEST = 64
"""Characters of a word; longer ones are blobs that nobody types."""

_REMEMBERED = 100_000
"""Stretches in each of two generations; about 20 MB each."""

_IN_THREAD_FROM = 50


class Stretches(dict[str, bytes]):
    """What the stretches between the blanks of an index's texts are made of: their term ids as int32.

    One that was not met yet is analysed, and waits for its words to be written. Threads may share it: what
    two of them analyse at once is the same.
    """

    def __init__(self, tokeniser: Tokeniser) -> None:
        super().__init__()
        self._tokeniser = tokeniser
        self._before: dict[str, bytes] = {}
        self._known_long: set[int] = set()
        self.unwritten: set[str] = set()

    def __missing__(self, stretch: str) -> bytes:
        ids = self._before.get(stretch)
        if ids is None:
            ids = self._tokeniser.packed_ids(stretch)
            if len(stretch) > _LONGEST:
                self._note_long(stretch)
                return ids
            self.unwritten.add(stretch)
        self[stretch] = ids
        return ids

    def bag(self, text: str) -> bytes:
        """Return the ids of the terms of a text."""
        return b"".join(map(self.__getitem__, self._tokeniser.stretches(text)))

    def words(self, stretches: set[str]) -> dict[str, int]:
        """Return the words of stretches with their term ids."""
        found = self._tokeniser.vocabulary(stretches)
        return {word: term for word, term in found.items() if len(word) <= _LONGEST}

    def trim(self) -> None:
        """Forget what has not been met for long, once there is too much."""
        if len(self) > _REMEMBERED:
            self._before = dict(self)
            self.clear()
        if len(self._known_long) > _REMEMBERED:
            self._known_long.clear()

    def _note_long(self, stretch: str) -> None:
        """Blobs are not kept, only that their words were noted."""
        if hash(stretch) not in self._known_long:
            self._known_long.add(hash(stretch))
            self.unwritten.add(stretch)


class Vocabulary:
    """Tokenises what is to be indexed, and writes the words of what is new to the process.

    Words are committed ahead of the documents that hold them: a word without a document is never suggested,
    since its term has no frequency, and writers never wait for each other's transactions.
    """

    def __init__(self, terms: TermsRepository) -> None:
        self._terms = terms
        self._stretches: OrderedDict[int, Stretches] = OrderedDict()

    async def learn(self, index: Index, documents: Sequence[Document]) -> Bags:
        """Tokenise documents, and note their words."""
        stretches = self._of(index)
        bags = await self.bags(index, documents)
        # Those of others that are not written yet are written as well: their way may fail.
        if waiting := stretches.unwritten.copy():
            words = await _aside(len(waiting), lambda: stretches.words(waiting))
            if words:
                await self._terms.add_words(index, words)
            stretches.unwritten.difference_update(waiting)
        stretches.trim()
        return bags

    async def bags(self, index: Index, documents: Sequence[Document]) -> Bags:
        """Tokenise documents the words of which are noted."""
        stretches = self._of(index)
        chunks = sum(len(document.chunks) for document in documents)
        return await _aside(chunks, lambda: _bags(stretches, documents))

    def _of(self, index: Index) -> Stretches:
        stretches = self._stretches.setdefault(index.index_id, Stretches(tokeniser_for(index.language)))
        self._stretches.move_to_end(index.index_id)
        while len(self._stretches) > 1 and sum(map(len, self._stretches.values())) > _REMEMBERED:
            self._stretches.popitem(last=False)
        return stretches


def _bags(stretches: Stretches, documents: Sequence[Document]) -> Bags:
    bags: dict[ChunkKey, bytes] = {}
    for document in documents:
        title = stretches.bag(document.title or "")
        for chunk in document.chunks:
            bags[document.key, chunk.chunk_index] = title + stretches.bag(chunk.content)
    return bags


async def _aside(size: int, work: Callable[[], T]) -> T:
    """Do what takes long for a large batch beside the event loop."""
    return work() if size < _IN_THREAD_FROM else await asyncio.to_thread(work)
