"""The planner at work: what it tries in which order, on an index that is only played."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from app.domain.indexes import Index
from app.domain.planning import Sample
from app.domain.quantisation import Quantisation
from app.domain.vectors import Vector
from app.services.nearest import Rows, Wanted
from app.services.planning import NearestPlanner

if TYPE_CHECKING:
    from app.services.catalog import IndexCatalog
    from app.services.statistics import IndexStatistics

GRAPH = {"recalls": {"40": 0.95, "100": 0.99, "400": 0.999}}
INDEX = Index(
    1, "public", "i", 8, "english", access_control=True, rank_profile="default", tokeniser_version=1,
    average_length=None, background_cosine=None, graph=GRAPH, created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
QUERY = np.ones(8, np.float32)


@dataclass
class Played:
    """An index of which a share passes, and another share of the graph's head; it is its own statistics."""

    share: float
    head_share: float
    total: int = 200_000
    graph: Quantisation | None = "none"
    calls: list[tuple[str, int]] = field(default_factory=list)
    reranked: list[tuple[int, int]] = field(default_factory=list)
    ef_search: int = 0

    @property
    def allowed(self) -> int:
        return round(self.share * self.total)

    async def nearest_ann(self, _embedding: Vector, limit: int, candidate_limit: int, ef_search: int) -> Rows:
        self.calls.append(("ann", candidate_limit))
        self.ef_search = ef_search
        return self._rows(min(limit, round(candidate_limit * self.head_share)), None)

    async def nearest_exact(self, _embedding: Vector, limit: int) -> Rows:
        self.calls.append(("exact", 0))
        return self._rows(min(limit, self.allowed), self.allowed)

    async def nearest_coarse(self, _embedding: Vector, limit: int, segment_limit: int) -> Rows:
        self.calls.append(("coarse", segment_limit))
        return self._rows(min(limit, self.allowed), None)

    async def sample(self) -> Sample:
        self.calls.append(("sample", 0))
        return Sample(1_000, 10_000, round(self.share * 10_000))

    async def nearest_bit_ann(
        self, embedding: Vector, limit: int, candidate_limit: int, rerank_limit: int, ef_search: int
    ) -> Rows:
        self.reranked.append((candidate_limit, rerank_limit))
        return await self.nearest_ann(embedding, limit, candidate_limit, ef_search)

    async def answering_graph(self, _index: Index) -> Quantisation | None:
        return self.graph

    async def chunks(self, _index: Index) -> int:
        return self.total

    @staticmethod
    def _rows(count: int, measured: int | None) -> list[dict[str, Any]]:
        return [{"distance": n / 100, "measured": measured} for n in range(count)]

    def planner(self) -> NearestPlanner:
        return NearestPlanner(cast("IndexCatalog", self), cast("IndexStatistics", self), 64)

    @property
    def statements(self) -> list[str]:
        return [name for name, _ in self.calls]


VALUES: dict[str, object] = {"document_sets": ["a"]}


async def find(
    played: Played,
    planner: NearestPlanner | None = None,
    *,
    is_open: bool = False,
    limit: int = 10,
    exact: bool = False,
    min_recall: float | None = None,
    index: Index = INDEX,
) -> tuple[str, int, bool]:
    planner = planner or played.planner()
    wanted = Wanted(QUERY, limit, is_open, exact, min_recall)
    found = await planner.find(played, await planner.standing(index), VALUES, wanted)
    return found.strategy, len(found.rows), found.complete


async def test_without_a_filter_one_statement_answers() -> None:
    played = Played(1.0, 1.0)
    assert await find(played, is_open=True) == ("ann", 10, True)
    assert played.statements == ["ann"]


async def test_a_filter_that_the_head_passes_costs_one_statement() -> None:
    played = Played(0.5, 0.5)
    assert await find(played) == ("post_filter", 10, True)
    assert played.statements == ["ann"]


async def test_a_head_that_falls_short_is_widened_as_the_sample_says() -> None:
    played = Played(0.05, 0.05)
    assert await find(played) == ("post_filter", 10, True)
    (first, before), (_, _), (second, after) = played.calls
    assert (first, second) == ("ann", "ann")
    assert before < after <= 1_000
    assert played.ef_search == after  # the end of a wide head is as right as its beginning


async def test_a_filter_that_is_known_is_not_tried_in_vain_again() -> None:
    played = Played(0.001, 0.0)
    planner = played.planner()
    assert await find(played, planner) == ("exact", 10, True)
    assert played.statements == ["ann", "sample", "exact"]
    played.calls.clear()
    assert await find(played, planner) == ("exact", 10, True)
    assert played.statements == ["exact"]


@pytest.mark.parametrize(("share", "expected"), [(0.5, "coarse_to_fine"), (0.02, "exact")])
async def test_a_filter_far_from_the_query_is_answered_whole(share: float, expected: str) -> None:
    """The head has nothing of it, though the sample shows that much passes."""
    assert await find(Played(share, 0.0)) == (expected, 10, True)


async def test_nothing_passes_and_the_answer_says_so() -> None:
    assert await find(Played(0.0, 0.0)) == ("empty", 0, True)


async def test_fewer_than_asked_for_are_all_there_are() -> None:
    played = Played(0.00002, 0.0)
    assert await find(played) == ("exact", 4, True)
    small = Played(1.0, 1.0, total=50)
    small.head_share = 0.25  # a graph that gives less than there is
    assert await find(small, is_open=True, limit=200) == ("exact", 50, True)


async def test_beyond_the_budget_the_answer_admits_what_it_lacks() -> None:
    huge = Played(0.5, 0.0, total=500_000_000)
    assert await find(huge) == ("iterative", 0, False)


async def test_recall_that_is_asked_for_is_looked_for_or_measured() -> None:
    for wanted, ef_search in ((0.9, 40), (0.99, 100), (0.999, 400)):
        played = Played(1.0, 1.0)
        assert (await find(played, is_open=True, min_recall=wanted))[0] == "ann"
        assert played.ef_search == ef_search
    assert (await find(Played(1.0, 1.0), is_open=True, min_recall=0.9999))[0] == "exact"
    assert (await find(Played(1.0, 1.0), is_open=True, min_recall=1.0))[0] == "exact"
    assert (await find(Played(1.0, 1.0), is_open=True, exact=True))[0] == "exact"


@pytest.mark.parametrize("graph", [None, {"recalls": {"40": 1.0}}])
async def test_a_recall_of_one_is_exact_under_a_filter_that_nothing_is_known_of(graph: dict[str, Any] | None) -> None:
    """A graph that was not measured, or by a sample that missed nothing, may still miss."""
    played = Played(0.5, 0.5, total=5_000)
    assert (await find(played, min_recall=1.0, index=replace(INDEX, graph=graph)))[0] == "exact"
    assert played.statements[-1] == "exact"
    assert "ann" not in played.statements


async def test_a_few_of_all_are_looked_for_without_a_look_at_prices_unless_they_are_asked_for() -> None:
    played = Played(1.0, 1.0)
    planner = played.planner()
    wanted = Wanted(QUERY, 10, open=True)
    found = await planner.find(played, await planner.standing(INDEX), VALUES, wanted)
    assert played.calls == [("ann", 100)]
    assert set(found.explained()["predicted_ms"]) == {"post_filter", "exact", "coarse_to_fine"}


async def test_without_a_graph_all_is_measured() -> None:
    played = Played(1.0, 1.0, total=20_000, graph=None)
    assert await find(played, is_open=True) == ("exact", 10, True)
    assert played.statements == ["exact"]


async def test_without_a_graph_a_large_index_is_sampled_before_its_segments_are_measured() -> None:
    rare = Played(0.001, 0.0, total=2_000_000, graph=None)
    assert await find(rare) == ("exact", 10, True)
    assert rare.statements == ["sample", "exact"]
    common = Played(0.9, 0.0, total=2_000_000, graph=None)
    assert (await find(common))[0] == "coarse_to_fine"


async def test_prices_are_learnt_from_what_statements_take() -> None:
    """Exact searches that take no time at all become cheap, and are then taken where the graph was."""
    played = Played(0.05, 0.05)
    planner = played.planner()
    assert (await find(played, planner))[0] == "post_filter"
    for _ in range(60):
        await find(Played(0.05, 0.0), planner)  # the head is of no use to these
    standing = await planner.standing(INDEX)
    explained = (await planner.find(played, standing, VALUES, Wanted(QUERY, 10, open=False))).explained()
    predicted = explained["predicted_ms"]
    assert predicted["exact"] < 0.6 * 1.2e-3 * (played.allowed + 1_000)
    assert explained["allowed"] == pytest.approx(10_000, rel=0.05)
    assert [step["strategy"] for step in explained["taken"]]


BIT = replace(
    INDEX,
    quantisation="bit",
    graph={
        "quantisation": "bit",
        "recalls": {"100": 0.95, "200": 0.99, "400": 0.999},
        "wide_recalls": {"100": 0.8, "200": 0.95, "400": 0.99, "800": 0.995},
    },
)


async def test_of_a_bit_graph_as_many_are_reranked_as_reach_the_recall() -> None:
    for wanted, rows in ((None, 200), (0.9, 100), (0.99, 200), (0.999, 400)):
        played = Played(1.0, 1.0, graph="bit")
        assert await find(played, is_open=True, min_recall=wanted, index=BIT) == ("bit_ann", 10, True)
        assert played.reranked == [(10, rows)]
        assert played.ef_search == rows
    assert (await find(Played(1.0, 1.0, graph="bit"), is_open=True, min_recall=0.9999, index=BIT))[0] == "exact"


async def test_a_filter_is_applied_to_a_head_that_was_reranked_four_times_over() -> None:
    played = Played(0.5, 0.5, graph="bit")
    assert await find(played, index=BIT) == ("bit_post_filter", 10, True)
    assert played.reranked == [(100, 400)]
    few = Played(0.05, 0.05, total=2_000_000, graph="bit")
    assert await find(few, index=BIT) == ("bit_iterative", 10, True)
    (_, first), (width, rows) = few.reranked
    assert first < rows == 4 * width
    assert few.ef_search == 1_000
    assert (await find(Played(0.5, 0.5, graph="bit"), min_recall=0.999, index=BIT))[0] != "bit_post_filter"


async def test_a_wide_answer_is_reranked_as_far_as_it_goes() -> None:
    played = Played(1.0, 1.0, graph="bit")
    assert await find(played, is_open=True, limit=150, index=BIT) == ("bit_ann", 150, True)
    assert played.reranked == [(150, 600)]


async def test_a_bit_graph_that_was_not_measured_or_is_another_ones_is_reranked_generously() -> None:
    for graph in (None, {"quantisation": "none", "recalls": {"40": 0.999}}):
        played = Played(1.0, 1.0, graph="bit")
        await find(played, is_open=True, index=replace(BIT, graph=graph))
        assert played.reranked == [(10, 400)]
