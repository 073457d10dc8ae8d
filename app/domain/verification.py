"""Comparing what a source says with what is stored, and rankings with each other: pure."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.documents import PUBLIC, Chunk, Document, whole_seconds
from app.domain.vectors import Vector, to_half

KEPT_FINDINGS = 100
"""So many examples of each kind of finding are kept; all of them are counted."""

EXPECTED = frozenset({"superseded", "newer_document", "not_importable", "left_out", "not_indexed"})
"""Findings that do not speak against an import: new writes since, and rows that could not be taken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    code: str
    document_id: str
    chunk_index: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Findings:
    """Differences counted by kind, with examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count a difference and keep it while there are few of its kind."""
        self.counts[finding.code] += 1
        if self.counts[finding.code] <= KEPT_FINDINGS:
            self.examples.append(finding)

    @property
    def passed(self) -> bool:
        """Whether nothing was found that should not be."""
        return not any(count for code, count in self.counts.items() if code not in EXPECTED)


Ranking = Sequence[tuple[str, int]]
"""Documents and chunks, the best first."""


@dataclass(frozen=True, slots=True)
class Question:
    """What two engines are asked; without words only by its meaning."""

    embedding: Vector
    text: str = ""


@dataclass(frozen=True, slots=True)
class Parity:
    """How alike two engines answer: means over the queries. Correlation is Spearman's of the common hits."""

    queries: int
    limit: int
    overlap: float
    rank_correlation: float | None


def compare_chunk(chunk: Chunk, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Compare a chunk with its row by recomputed checksums: (code, detail) of what differs."""
    stored = Chunk(
        row["chunk_index"], row["content"], None, row["blurb"], row["doc_summary"], row["chunk_context"],
        row["metadata_suffix"], row["source_links"], row["image_file_id"],
    )  # fmt: skip
    if stored.payload_digest() != chunk.payload_digest():
        names = ("content", "blurb", "doc_summary", "chunk_context", "metadata_suffix", "source_links", "image_file_id")
        yield "content_differs", ", ".join(n for n in names if getattr(stored, n) != getattr(chunk, n))
    embedding = row["embedding"]
    if embedding is None or chunk.embedding is None:
        yield "embedding_differs", "there is none"
    elif not np.array_equal(to_half(chunk.embedding), embedding):
        off = float(np.abs(to_half(chunk.embedding).astype(np.float32) - embedding.astype(np.float32)).max())
        yield "embedding_differs", f"by up to {off:.3g}"


def compare_document(document: Document, row: Mapping[str, Any]) -> list[str]:
    """Name the fields in which a document differs from its row."""
    access = document.access or PUBLIC
    pairs: dict[str, tuple[object, object]] = {
        "access": ((access.public, sorted(set(access.entries))), (row["acl_public"], sorted(row["acl_entries"]))),
        "title": (document.title, row["title"]),
        "semantic_identifier": (document.semantic_identifier, row["semantic_identifier"]),
        "source_type": (document.source_type, row["source_type"]),
        "metadata": (dict(document.metadata), row["metadata"]),
        "document_sets": (sorted(document.document_sets), sorted(row["document_sets"])),
        "project_ids": (sorted(document.project_ids), sorted(row["project_ids"])),
        "persona_ids": (sorted(document.persona_ids), sorted(row["persona_ids"])),
        "boost": (document.boost, row["boost"]),
        "hidden": (bool(document.hidden), row["hidden"]),
        "updated_at": (whole_seconds(document.updated_at), row["updated_at"]),
        "primary_owners": (_listed(document.primary_owners), _listed(row["primary_owners"])),
        "secondary_owners": (_listed(document.secondary_owners), _listed(row["secondary_owners"])),
    }
    different = [name for name, (ours, theirs) in pairs.items() if ours != theirs]
    title = document.title_embedding
    if title is not None and not np.array_equal(to_half(title), row["title_embedding"]):
        different.append("title_embedding")
    return different


def overlap(one: Sequence[Hashable], other: Sequence[Hashable], limit: int) -> float:
    """Return the part of the longer of two heads that both have; two empty ones are alike."""
    heads = set(one[:limit]), set(other[:limit])
    longer = max(map(len, heads))
    return len(heads[0] & heads[1]) / longer if longer else 1.0


def rank_correlation(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Return Spearman's correlation of the places of what both rankings have; None for fewer than two."""
    places = {item: place for place, item in enumerate(other)}
    common = [places[item] for item in one if item in places]
    if len(common) < 2:  # noqa: PLR2004  a correlation needs two
        return None
    ranks = np.argsort(np.argsort(common))
    differences = float(((ranks - np.arange(len(common))) ** 2).sum())
    return 1.0 - 6.0 * differences / (len(common) * (len(common) ** 2 - 1))


def _listed(people: Sequence[str] | None) -> list[str]:
    return list(people or ())
