"""The words of an index, noted as they are indexed, for prefixes and typos."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from sys import byteorder
from typing import NamedTuple, TypeVar

from app.domain.documents import Document
from app.domain.indexes import Index
from app.domain.replacement import ChunkKey
from app.services.terms import tokeniser_for
from app.storage.terms import TermsRepository
from app.text.batches import TERM_BYTES
from app.text.bigrams import bigram_ids, bigrams_of
from app.text.tokeniser import Tokeniser

T = TypeVar("T")

Bags = Mapping[ChunkKey, bytes]
"""The term ids of chunks with their titles, repeated ones included, as int32."""

_LONGEST = 64
"""Characters of a word; longer ones are blobs that nobody types."""

_REMEMBERED = 100_000
"""Stretches in each of two generations; about 20 MB each."""

_IN_THREAD_FROM = 50


class Unwritten(NamedTuple):
    """Words with their term ids, and runs of characters that go by pairs, each pair a word."""

    words: dict[str, int]
    runs: set[str]

    def listed(self) -> dict[str, int]:
        """Return the words and the pairs with their term ids."""
        runs = list(self.runs)
        pairs = zip(chain.from_iterable(map(bigrams_of, runs)), bigram_ids(runs).tolist(), strict=True)
        return {word: id_ for word, id_ in self.words.items() if len(word) <= _LONGEST} | dict(pairs)


class Stretches(dict[str, bytes]):
    """What the stretches between the blanks of an index's texts are made of: their term ids as int32.

    One that was not met yet is analysed, and its words wait to be written. Threads may share it: what two of them
    analyse at once is the same.
    """

    def __init__(self, tokeniser: Tokeniser) -> None:
        super().__init__()
        self._tokeniser = tokeniser
        self._before: dict[str, bytes] = {}
        self._known_long: set[int] = set()
        self._words: dict[str, int] = {}
        self._runs: set[str] = set()

    def __missing__(self, stretch: str) -> bytes:
        ids = self._before.get(stretch)
        if ids is None:
            terms, runs = self._tokeniser.cut(stretch)
            ids = b"".join([id_.to_bytes(TERM_BYTES, byteorder) for _, _, id_, _ in terms])
            if runs:
                ids += bigram_ids(runs).tobytes()
            if len(stretch) > _LONGEST:  # blobs are not kept, only that their words were noted
                if hash(stretch) in self._known_long:
                    return ids
                self._known_long.add(hash(stretch))
            for _, surface, id_, _ in terms:
                self._words[surface] = id_
            self._runs.update(runs)
            if len(stretch) > _LONGEST:
                return ids
        self[stretch] = ids
        return ids

    def bag(self, text: str) -> bytes:
        """Return the ids of the terms of a text."""
        return b"".join(map(self.__getitem__, self._tokeniser.stretches(text)))

    def unwritten(self) -> Unwritten:
        """Return what is new: it stays so until `written`."""
        return Unwritten(self._words.copy(), self._runs.copy())

    def written(self, found: Unwritten) -> None:
        """Let go of what was written."""
        for word in found.words:
            self._words.pop(word, None)
        self._runs.difference_update(found.runs)

    def trim(self) -> None:
        """Forget what has not been met for long, once there is too much."""
        if len(self) > _REMEMBERED:
            self._before = dict(self)
            self.clear()
        if len(self._known_long) > _REMEMBERED:
            self._known_long.clear()


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
        new = stretches.unwritten()
        if words := await _aside(len(new.runs), new.listed):
            await self._terms.add_words(index, words)
        stretches.written(new)
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
