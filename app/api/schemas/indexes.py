"""Bodies about indexes."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from app.api.schemas.fields import Body, example
from app.domain.indexes import IndexSettings, RecallEstimate
from app.domain.quantisation import Quantisation
from app.domain.ranking import RankProfile
from app.services.catalog import IndexState


class AnnBody(Body):
    """How the HNSW graph of an index is to be."""

    quantisation: Annotated[
        Quantisation | None,
        Field(
            description="none: whole embeddings in half precision. bit: the signs of their numbers alone, reranked by "
            "the stored embeddings, for collections larger than memory. none when an index is made without it; of one "
            "that exists it may be changed at any time."
        ),
    ] = None


class IndexBody(Body):
    """What an index is to be. Fields left out are not compared with an index that exists, and stay as they are."""

    model_config = example({"embedding_dimension": 3, "access_control": False, "ann": {"quantisation": "none"}})

    embedding_dimension: Annotated[int, Field(ge=1, le=4000, examples=[384])]
    language: Annotated[str | None, Field(max_length=50, description="Of the texts; english when left out.")] = None
    access_control: Annotated[
        bool | None,
        Field(description="Whether documents say who may read them and searches who asks; true when left out."),
    ] = None
    rank_profile: Annotated[
        RankProfile | None,
        Field(description="Of searches that name none."),
    ] = None
    ann: AnnBody | None = None

    def to_domain(self) -> IndexSettings:
        """Translate."""
        quantisation = None if self.ann is None else self.ann.quantisation
        return IndexSettings(
            self.embedding_dimension, self.language, self.access_control, self.rank_profile, quantisation
        )


class AnnAnswer(BaseModel):
    """The HNSW graph: none while the index is small, and exact search faster."""

    state: Literal["none", "building", "ready"]
    progress: Annotated[float, Field(description="Of the build, also of one that is to replace the graph there is.")]
    bytes: int
    quantisation: Annotated[Quantisation, Field(description="That is asked for.")]
    answers_with: Annotated[
        Quantisation | None,
        Field(description="The quantisation of the graph that searches take now; null while there is none."),
    ]


class RecallAnswer(BaseModel):
    """Which share of the nearest neighbours searches by the graph find, as this process last tried it."""

    value: float
    estimated_at: datetime


class IndexAnswer(BaseModel):
    """An index and what it holds."""

    name: str
    tenant_id: str
    embedding_dimension: int
    language: str
    access_control: bool
    rank_profile: str
    tokeniser_version: int
    documents: int
    chunks: int
    bytes: int
    ann: AnnAnswer
    recall: Annotated[RecallAnswer | None, Field(description="null without a graph, and before the first try.")]
    dead_chunks: Annotated[int, Field(description="Versions that wait for vacuum.")]
    maintained_at: Annotated[
        datetime | None, Field(description="When one of its tables was last vacuumed or analysed; null: not known.")
    ]
    created_at: datetime

    @classmethod
    def of(cls, state: IndexState, recall: RecallEstimate | None) -> Self:
        """Show a state."""
        index, size = state.index, state.size
        return cls(
            name=index.name,
            tenant_id=index.tenant_id,
            embedding_dimension=index.embedding_dimension,
            language=index.language,
            access_control=index.access_control,
            rank_profile=index.rank_profile,
            tokeniser_version=index.tokeniser_version,
            documents=size.documents,
            chunks=size.chunks,
            bytes=size.bytes,
            ann=AnnAnswer(
                state=state.ann.state,
                progress=state.ann.progress,
                bytes=size.ann_bytes,
                quantisation=index.quantisation,
                answers_with=state.ann.answering(index),
            ),
            recall=None if recall is None else RecallAnswer(value=recall.value, estimated_at=recall.estimated_at),
            dead_chunks=size.dead_chunks,
            maintained_at=size.maintained_at,
            created_at=index.created_at,
        )


class IndexList(BaseModel):
    """The indexes of a tenant."""

    indexes: list[IndexAnswer]


class EmptiedAnswer(BaseModel):
    """One bounded step of emptying an index."""

    deleted: int
    remaining: int
