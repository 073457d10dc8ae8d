"""Indexes: one per embedding model and tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.domain.quantisation import QUANTISATIONS, USEFUL, Quantisation
from app.domain.ranking import RankProfile


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What an index is made with; only what is given is compared with one that exists.

    ``quantisation`` is the one thing that may change afterwards.
    """

    embedding_dimension: int
    language: str | None = None
    access_control: bool | None = None
    rank_profile: str | None = None
    quantisation: Quantisation | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index as the catalogue has it.

    ``quantisation`` is how its HNSW graph is to hold embeddings; ``graph`` is what was measured of the one that was
    built last.
    """

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
    quantisation: Quantisation = "none"

    def measured(self, quantisation: Quantisation) -> dict[str, Any]:
        """What was measured of the HNSW graph of a quantisation; empty until it has been."""
        graph = self.graph or {}
        return graph if graph.get("quantisation", "none") == quantisation else {}

    def recalls(self, quantisation: Quantisation) -> dict[int, float]:
        """Recall of the ten nearest by ef_search; of a bit-quantised graph by the chunks that are reranked."""
        return _by_number(self.measured(quantisation).get("recalls", {}))

    def is_useful(self, quantisation: Quantisation) -> bool:
        """Whether a graph finds enough to be searched, by what was measured of it."""
        return quantisation == "none" or max(self.recalls("bit").values(), default=1.0) >= USEFUL

    def wide_recalls(self) -> dict[int, float]:
        """Recall of the hundred nearest by the chunks of a bit-quantised graph that are reranked."""
        return _by_number(self.measured("bit").get("wide_recalls", {}))


@dataclass(frozen=True, slots=True)
class AnnState:
    """The HNSW graphs of an index: those that answer, and how far those are that are built, from 0 to 1.

    There are two while one replaces another of another quantisation.
    """

    ready: frozenset[Quantisation] = frozenset()
    building: Mapping[Quantisation, float] = field(default_factory=dict)

    @property
    def state(self) -> Literal["none", "building", "ready"]:
        """Whether there is a graph, and answers."""
        if self.ready:
            return "ready"
        return "building" if self.building else "none"

    @property
    def progress(self) -> float:
        """How far the build is; 1 if there is a graph and none is built in its place."""
        return min(self.building.values(), default=1.0 if self.ready else 0.0)

    def answering(self, index: Index) -> Quantisation | None:
        """Return which graph searches take: the one that was measured last, and else the one that is asked for."""
        measured = () if index.graph is None else (index.graph.get("quantisation", "none"),)
        wanted: tuple[Quantisation, ...] = (*measured, index.quantisation, *QUANTISATIONS)
        return next((each for each in wanted if each in self.ready and index.is_useful(each)), None)


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


def _by_number(recalls: Mapping[str, float]) -> dict[int, float]:
    return {int(number): float(recall) for number, recall in recalls.items()}
