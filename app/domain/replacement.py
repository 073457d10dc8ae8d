"""Which rows change when a document is replaced: what is equal stays, with its place in the HNSW graph."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.domain.documents import Chunk, Document
from app.domain.keys import digest_bytes

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

    def changed_segments(self) -> list[tuple[UUID, int]]:
        """Return document keys and segments of all embeddings that come or go."""
        written = {(key, chunk.chunk_index // SEGMENT_CHUNKS) for key, chunk in self.embeddings}
        return sorted(written | {(key, chunk_index // SEGMENT_CHUNKS) for key, chunk_index in self.stale_embeddings})


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
