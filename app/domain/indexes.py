"""Indexes: one per embedding model and tenant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app.domain.ranking import RankProfile


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What an index is made with; only what is given is compared with one that exists."""

    embedding_dimension: int
    language: str | None = None
    access_control: bool | None = None
    rank_profile: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index as the catalogue has it; ``graph`` is what was measured of its HNSW graph."""

    index_id: int
    tenant_id: str
    name: str
    embedding_dimension: int
    language: str
    access_control: bool
    rank_profile: RankProfile
    tokeniser_version: int
    average_length: float | None
    background_cosine: float | None
    graph: dict[str, Any] | None
    created_at: datetime

    @property
    def graph_recalls(self) -> dict[int, float]:
        """Recall of the HNSW graph by ef_search; empty until it has been measured."""
        return {int(ef): float(recall) for ef, recall in (self.graph or {}).get("recalls", {}).items()}


@dataclass(frozen=True, slots=True)
class AnnState:
    """The HNSW graph of an index: progress goes from 0 to 1 while it is built."""

    state: Literal["none", "building", "ready"] = "none"
    progress: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexSize:
    """What an index holds; bytes are those of its tables and indexes on disk, ``ann_bytes`` of its graph alone.

    ``dead_chunks``: versions that wait for vacuum. ``maintained_at``: when one of its tables was last vacuumed
    or analysed, None if never or if PostgreSQL has forgotten.
    """

    documents: int
    chunks: int
    bytes: int
    ann_bytes: int = 0
    dead_chunks: int = 0
    maintained_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecallEstimate:
    """Which share of the nearest neighbours searches by the graph found, when it was last tried."""

    value: float
    estimated_at: datetime
