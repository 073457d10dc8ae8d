"""Bodies of searches and look-ups."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.documents import AccessBody
from app.api.schemas.fields import (
    MAX_QUERY_CHARACTERS,
    Body,
    ChunkIndex,
    CleanText,
    DocumentId,
    DocumentIds,
    Embedding,
    IndexName,
    Label,
    Labels,
    Metadata,
    Moment,
    Number,
    Numbers,
    example,
)
from app.domain.documents import Section, whole_seconds
from app.domain.entries import WrittenEntries
from app.domain.filters import Filters, PermittedFilters, TimeRange
from app.domain.ranking import QueryType, RankProfile
from app.domain.search import Mode, Search

MAX_LIMIT = 10_000


class TagBody(Body):
    """A pair of metadata."""

    key: Label
    value: Label


class TimeRangeBody(Body):
    """Two moments, both included; null leaves an end open."""

    start: Moment | None = None
    end: Moment | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        start, end = whole_seconds(self.start), whole_seconds(self.end)
        if start is not None and end is not None and start > end:
            raise PydanticCustomError("reversed_range", "The range ends before it starts")
        return self

    def to_domain(self) -> TimeRange:
        """Translate."""
        return TimeRange(self.start, self.end)


class FiltersBody(Body):
    """Everything is ANDed; docs/filter-semantics.md has the truth table."""

    access_control_list: Annotated[
        Labels | None,
        Field(
            description="Who asks: [] sees public documents only, null everything. Required under access control.",
            examples=[["user_email:a@x.io"]],
        ),
    ] = None
    hidden: Annotated[
        bool | None,
        Field(description="Only hidden, or only visible, documents; null: as include_hidden says."),
    ] = None
    source_type: Labels | None = None
    tags: Annotated[list[TagBody], Field(max_length=10_000)] | None = None
    document_sets: Annotated[Labels | None, Field(description="Knowledge scope: any of the five suffices.")] = None
    document_ids: Annotated[DocumentIds | None, Field(description="Knowledge scope.")] = None
    hierarchy_node_ids: Annotated[Numbers | None, Field(description="Knowledge scope.")] = None
    persona_id: Annotated[Number | None, Field(description="Knowledge scope.")] = None
    project_id: Annotated[Number | None, Field(description="Knowledge scope.")] = None
    forced_document_sets: Annotated[Labels | None, Field(description="A condition of its own.")] = None
    created_at: Annotated[TimeRangeBody | None, Field(description="Undated documents pass.")] = None
    updated_at: Annotated[
        TimeRangeBody | None,
        Field(description="Undated documents pass if it is open and starts 90 days ago."),
    ] = None
    metadata: Annotated[Metadata | None, Field(description="Metadata must contain this (jsonb @>).")] = None

    def put_entries(self, entries: WrittenEntries) -> None:
        """Let entries that were left out of the body stand in the place of those in it."""
        self.access_control_list = cast("list[str]", entries)  # a field of its own would cost every other body time

    def to_domain(self, *, include_hidden: bool) -> Filters:
        """Translate."""
        acl: Sequence[str] | None = self.access_control_list
        return Filters(
            access_control_list=tuple(acl) if isinstance(acl, list) else acl,
            access_given="access_control_list" in self.model_fields_set,
            hidden=self.hidden if self.hidden is not None else (None if include_hidden else False),
            source_type=tuple(self.source_type or ()),
            tags=tuple(f"{tag.key}==={tag.value}" for tag in self.tags or ()),
            forced_document_sets=tuple(self.forced_document_sets or ()),
            document_ids=tuple(self.document_ids or ()),
            hierarchy_node_ids=tuple(self.hierarchy_node_ids or ()),
            document_sets=tuple(self.document_sets or ()),
            persona_id=self.persona_id,
            project_id=self.project_id,
            created_at=TimeRange() if self.created_at is None else self.created_at.to_domain(),
            updated_at=TimeRange() if self.updated_at is None else self.updated_at.to_domain(),
            metadata=self.metadata or None,
        )


class SearchBody(Body):
    """What is looked for."""

    model_config = example({"query": "How does a permission change become visible to the next search?", "limit": 3})

    index: IndexName | None = None
    query: Annotated[CleanText | None, Field(max_length=MAX_QUERY_CHARACTERS)] = None
    embedding: Embedding | None = None
    mode: Annotated[Mode | None, Field(description="When left out, by what is given.")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 10
    filters: FiltersBody = FiltersBody()
    include_hidden: bool = False
    exact: Annotated[bool, Field(description="Measure every chunk that passes the filters.")] = False
    min_recall: Annotated[
        float | None,
        Field(ge=0.5, le=1, description="Share of the nearest chunks to be found at least, by measure; 1 is exact."),
    ] = None
    rank_profile: Annotated[
        RankProfile | None, Field(description="How hybrid search ranks; the index's when left out.")
    ] = None
    query_type: Annotated[
        QueryType | None,
        Field(description="What the query is, as Onyx tells them apart: the vector counts less for keywords."),
    ] = None
    hybrid_alpha: Annotated[
        float | None, Field(ge=0, le=1, description="Weight of the vector in hybrid search, instead.")
    ] = None
    candidate_limit: Annotated[
        int | None, Field(ge=1, le=MAX_LIMIT, description="Candidates from each list of a hybrid search.")
    ] = None
    feedback: Annotated[
        bool, Field(description="Search again with the embedding moved towards the first hits (default profile).")
    ] = False
    smoothing: Annotated[
        bool, Field(description="Let near neighbours among the first hits share their scores (default profile).")
    ] = True
    highlight: Annotated[bool, Field(description="Cut fragments with <hi>matches</hi> out of the hits.")] = True
    explain: Annotated[
        bool,
        Field(description="Show what each score is made of (its part_… add up to it), the plan, and the time."),
    ] = False
    min_score: Annotated[float | None, Field(allow_inf_nan=False, description="Drop hits that score less.")] = None
    timeout_ms: Annotated[
        int | None,
        Field(ge=1, le=600_000, description="Answer within this, by less if need be (see degraded), or fail with 504."),
    ] = None

    def to_domain(self, permit: Callable[[Filters], PermittedFilters]) -> Search:
        """Translate, with what the caller may see."""
        return Search(
            filters=permit(self.filters.to_domain(include_hidden=self.include_hidden)),
            query=self.query,
            embedding=self.embedding,
            mode=self.mode,
            limit=self.limit,
            exact=self.exact,
            min_recall=self.min_recall,
            min_score=self.min_score,
            rank_profile=self.rank_profile,
            query_type=self.query_type,
            hybrid_alpha=self.hybrid_alpha,
            candidate_limit=self.candidate_limit,
            feedback=self.feedback,
            smoothing=self.smoothing,
            highlight=self.highlight,
            explain=self.explain,
            timeout=None if self.timeout_ms is None else self.timeout_ms / 1000,
        )


class SectionBody(Body):
    """A range of chunks of a document, both ends included."""

    document_id: DocumentId
    min_chunk_index: ChunkIndex | None = None
    max_chunk_index: ChunkIndex | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if None not in (self.min_chunk_index, self.max_chunk_index) and (
            (self.min_chunk_index or 0) > (self.max_chunk_index or 0)
        ):
            raise PydanticCustomError("reversed_range", "The range ends before it starts")
        return self

    def to_domain(self) -> Section:
        """Translate."""
        return Section(self.document_id, self.min_chunk_index, self.max_chunk_index)


class RetrieveBody(Body):
    """Sections of documents."""

    model_config = example(
        {"sections": [{"document_id": "docs/tuning.md", "min_chunk_index": 0, "max_chunk_index": 1}]}
    )

    index: IndexName | None = None
    sections: Annotated[list[SectionBody], Field(min_length=1, max_length=10_000)]
    filters: FiltersBody = FiltersBody()
    include_hidden: bool = False


class ScanBody(Body):
    """Raw chunks of documents, whoever may read them."""

    model_config = example({"document_ids": ["docs/tuning.md"], "limit": 2})

    index: IndexName | None = None
    document_ids: Annotated[DocumentIds, Field(min_length=1)]
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    include_embeddings: bool = False


class ChunkAnswer(BaseModel):
    """A chunk with its document's metadata."""

    document_id: str
    chunk_index: int
    content: str
    title: str | None
    semantic_identifier: str
    source_type: str | None
    blurb: str
    source_links: dict[str, str] | None
    image_file_id: str | None
    doc_summary: str
    chunk_context: str
    metadata_suffix: str | None
    metadata: dict[str, Any]
    document_sets: list[str]
    boost: int
    hidden: bool
    created_at: datetime | None
    updated_at: datetime | None
    primary_owners: list[str] | None
    secondary_owners: list[str] | None


class HitAnswer(ChunkAnswer):
    """A chunk that was found; the higher the score, the better."""

    score: float
    features: dict[str, float]
    highlights: list[str]


class ExpansionAnswer(BaseModel):
    """Words of the index that stood for what was typed."""

    kind: Literal["prefix", "typo"]
    typed: str
    words: list[str]


class PhaseAnswer(BaseModel):
    """A part of the time a search took."""

    name: Annotated[
        str,
        Field(description="A statement under sql/queries, embedding (the endpoint), or service (all the rest)."),
    ]
    ms: float


class StepAnswer(BaseModel):
    """A statement that looked for the nearest chunks; width: rows of the graph, or segments."""

    strategy: Literal["post_filter", "iterative", "coarse_to_fine", "exact"]
    width: int
    rows: int
    ms: float
    reranked: Annotated[
        int | None, Field(description="Rows of a bit-quantised graph whose distances were measured.")
    ] = None


class PlanAnswer(BaseModel):
    """What the planner knew of the filter, what each way would have cost, and what it did (with explain).

    A keyword search has no ways to choose from by price: of it only what the filter keeps is known.
    """

    chunks: int
    share: Annotated[float, Field(description="Of the chunks that pass the filters, by a sample.")]
    allowed: int
    ef_search: int | None = None
    recall: Annotated[float | None, Field(description="That was aimed at.")] = None
    oversampling: Annotated[
        float | None, Field(description="Rows of a bit-quantised graph that are reranked for each one of a wide head.")
    ] = None
    predicted_ms: dict[str, float] | None = None
    taken: list[StepAnswer] | None = None


class SearchAnswer(BaseModel):
    """Best first, ties by document id and chunk index."""

    hits: list[HitAnswer]
    mode: Literal["semantic", "keyword", "hybrid", "random"]
    strategy: Annotated[str, Field(description="How the candidates were found.")]
    exact: Annotated[bool, Field(description="No other chunk would rank above these.")]
    complete: Annotated[bool, Field(description="Fewer hits than the limit mean that no more match.")]
    degraded: Annotated[list[str], Field(description="What was left out, and why.")] = []
    rank_profile: Annotated[RankProfile | None, Field(description="How a hybrid search ranked.")] = None
    expansions: list[ExpansionAnswer] = []
    plan: PlanAnswer | None = None
    took_ms: float
    phases: Annotated[
        list[PhaseAnswer] | None, Field(description="With explain: where the time went; they add up to took_ms.")
    ] = None


class ChunkList(BaseModel):
    """Chunks in the order of the sections, then of the chunks."""

    chunks: list[ChunkAnswer]


class RawChunk(ChunkAnswer):
    """All that is stored of a chunk and its document; the embedding is base64 of little-endian float32."""

    access: AccessBody
    project_ids: list[int]
    persona_ids: list[int]
    hierarchy_node_ids: list[int]
    written_by: Literal["index", "port", "import"]
    tags: Annotated[list[str], Field(description="key===value, in the order in which the metadata came.")]
    embedding: str | None = None


class RawChunkPage(BaseModel):
    """A page of raw chunks by document id and chunk; the cursor is null after the last one."""

    chunks: list[RawChunk]
    next_cursor: str | None
