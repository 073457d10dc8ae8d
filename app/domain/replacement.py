"""Which rows change when a document is replaced: what is equal stays, with its place in the HNSW graph."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from app.domain.documents import Chunk, Document
from app.domain.keys import digest_bytes
from app.domain.vectors import HalfVector, to_half

ChunkKey = tuple[UUID, int]
"""Document key and chunk index."""

SEGMENT_CHUNKS = 5
"""Consecutive chunks of a document whose mean embedding is a row of chunk_segments: as it is stored, so it is read."""


@dataclass(frozen=True, slots=True)
class ChunkState:
    """Digests of what is stored, or is to be stored, of a chunk in each of its three tables."""

    payload: bytes
    embedding: bytes
    terms: bytes

    @classmethod
    def of(cls, document: Document, chunk: Chunk, tokeniser: str) -> "ChunkState":
        """Digest a chunk; its terms depend on the document's title and the tokeniser too."""
        return cls(
            chunk.payload_digest(), chunk.embedding_digest(), digest_bytes(tokeniser, document.title, chunk.content)
        )


@dataclass(slots=True)
class Replacement:
    """Rows to write and rows to remove. A row that changes is in both."""

    chunks: list[tuple[UUID, Chunk, ChunkState]] = field(default_factory=list)
    embeddings: list[tuple[UUID, Chunk]] = field(default_factory=list)
    terms: list[tuple[Document, Chunk]] = field(default_factory=list)
    stale_chunks: list[ChunkKey] = field(default_factory=list)
    stale_embeddings: list[ChunkKey] = field(default_factory=list)
    stale_terms: list[ChunkKey] = field(default_factory=list)

    def remove(self, keys: Iterable[ChunkKey]) -> None:
        """Take whole chunks away, such as the tail of a document that became shorter."""
        for key in keys:
            self.stale_chunks.append(key)
            self.stale_embeddings.append(key)
            self.stale_terms.append(key)

    def changed_segments(self, without: Collection[UUID] = ()) -> list[tuple[UUID, int]]:
        """Return document keys and segments of all embeddings that come or go, but for those of some documents."""
        written = {(key, chunk.chunk_index // SEGMENT_CHUNKS) for key, chunk in self.embeddings if key not in without}
        gone = {(key, index // SEGMENT_CHUNKS) for key, index in self.stale_embeddings if key not in without}
        return sorted(written | gone)

    def segments_of(self, whole: Collection[UUID]) -> list[tuple[UUID, int, HalfVector]]:
        """Return the keys, segments and mean embeddings of documents of which nothing else is stored.

        To the last bit what pgvector's ``avg`` makes of the stored embeddings: added up and divided in double
        precision, rounded to single and then to half.
        """
        segments: dict[tuple[UUID, int], list[HalfVector]] = {}
        for key, chunk in self.embeddings:
            if key in whole and chunk.embedding is not None:
                place = (key, chunk.chunk_index // SEGMENT_CHUNKS)
                segments.setdefault(place, []).append(to_half(chunk.embedding))
        if not segments:
            return []
        counts = np.fromiter(map(len, segments.values()), np.int64, len(segments))
        vectors = np.stack([vector for members in segments.values() for vector in members])
        sums = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0, dtype=np.float64)
        means = (sums / counts[:, np.newaxis]).astype(np.float32).astype(np.float16)
        return [(key, segment, mean) for (key, segment), mean in zip(segments, means, strict=True)]


def plan_replacement(
    documents: Iterable[Document], stored: Mapping[ChunkKey, ChunkState], tokeniser: str
) -> tuple[Replacement, set[ChunkKey]]:
    """Compare the chunks that came with those that are stored.

    Returns
    -------
    tuple
        The changes, without any removal of a tail, and the keys of all chunks that came.
    """
    plan = Replacement()
    seen: set[ChunkKey] = set()
    for document in documents:
        for chunk in document.chunks:
            key = (document.key, chunk.chunk_index)
            seen.add(key)
            _compare(plan, document, chunk, stored.get(key), ChunkState.of(document, chunk, tokeniser))
    return plan, seen


def _compare(plan: Replacement, document: Document, chunk: Chunk, old: ChunkState | None, new: ChunkState) -> None:
    key = (document.key, chunk.chunk_index)
    if old != new:
        plan.chunks.append((document.key, chunk, new))
        if old is not None:
            plan.stale_chunks.append(key)
    if old is None or old.embedding != new.embedding:
        plan.embeddings.append((document.key, chunk))
        if old is not None:
            plan.stale_embeddings.append(key)
    if old is None or old.terms != new.terms:
        plan.terms.append((document, chunk))
        if old is not None:
            plan.stale_terms.append(key)
