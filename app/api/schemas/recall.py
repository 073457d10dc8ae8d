"""Bodies of recall measurements."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.api.schemas.fields import Body, IndexName, example
from app.api.schemas.search import FiltersBody
from app.domain.filters import Filters, PermittedFilters
from app.services.recall import RecallRequest


class RecallBody(Body):
    """What to measure."""

    model_config = example({"k": 10, "queries": 5})

    index: IndexName | None = None
    k: Annotated[int, Field(ge=1, le=100, description="Nearest chunks that are compared.")] = 10
    queries: Annotated[int, Field(ge=1, le=200, description="Questions asked under each filter, twice.")] = 20
    min_recall: Annotated[float | None, Field(ge=0.5, le=1, description="As in a search.")] = None
    filters: Annotated[
        list[FiltersBody],
        Field(max_length=20, description="When left out: none, and common values of every selectivity."),
    ] = []

    def to_domain(self, permit: Callable[[Filters], PermittedFilters]) -> RecallRequest:
        """Translate, with what the caller may see."""
        return RecallRequest(
            k=self.k,
            queries=self.queries,
            min_recall=self.min_recall,
            filters=tuple(permit(filters.to_domain(include_hidden=False)) for filters in self.filters),
        )


class MeasuredAnswer(BaseModel):
    """How searches under one filter did beside exact ones; times are medians."""

    bucket: Annotated[str, Field(description="Of the share of the chunks that pass.")]
    filters: Annotated[dict[str, Any], Field(description="That the service chose; empty for those of the request.")]
    share: float
    queries: int
    recall: Annotated[float, Field(description="Mean recall at k.")]
    least: Annotated[float, Field(description="Of the worst question.")]
    short: Annotated[int, Field(description="Answers with fewer hits than the exact one.")]
    strategies: dict[str, int]
    ms: float
    exact_ms: float


class RecallAnswer(BaseModel):
    """By filter."""

    k: int
    measured: list[MeasuredAnswer]
