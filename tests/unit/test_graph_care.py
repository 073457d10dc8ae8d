"""How a graph whose recall falls short is built anew: with what, how often, and when nobody waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from app.domain.graphs import Attempt, more_care
from app.domain.indexes import AnnState, Index
from app.domain.quantisation import Quantisation
from app.services.graph_upkeep import GraphUpkeep
from app.storage.maintenance import GraphWear, MaintenanceRepository

if TYPE_CHECKING:
    from app.services.recall import GraphRecall

INDEX = Index(
    index_id=1, tenant_id="public", name="i", embedding_dimension=8, language="english", access_control=False,
    rank_profile="default", tokeniser_version=1, average_length=10.0, background_cosine=0.0, graph=None,
    created_at=datetime.now(UTC),
)  # fmt: skip

WIDE_RECALL = 0.97
"""Of the hundred nearest, whatever is reranked."""


class Graphs:
    """Graphs that are built, with recall by m and ef_construction; stands in for the repository and the measuring."""

    def __init__(self, recalls: Mapping[tuple[int, int], float], graph: dict[str, Any] | None = None) -> None:
        self.recalls = recalls
        self.built: list[tuple[int, int]] = []
        self.wear = GraphWear(1000, 0, leftover=False)
        self.index = replace(INDEX, graph=graph)
        self.ann = AnnState()

    async def build_ann(self, index: Index, m: int, ef_construction: int) -> None:
        self.built.append((m, ef_construction))
        self.ann = AnnState(self.ann.ready | {index.quantisation})

    async def rebuild_ann(self, _index: Index, m: int, ef_construction: int) -> None:
        self.built.append((m, ef_construction))

    async def graph_wear(self, _index: Index) -> GraphWear:
        return self.wear

    async def set_graph(self, _index: Index, graph: Mapping[str, Any]) -> None:
        self.index = replace(self.index, graph=orjson.loads(orjson.dumps(graph)))

    async def drop_ann(self, _index: Index, quantisation: Quantisation) -> None:
        self.ann = AnnState(self.ann.ready - {quantisation})

    async def measure(
        self, _index: Index, graph: Quantisation, efs: Sequence[int], _queries: int, *, seconds: float, k: int = 10
    ) -> dict[int, float]:
        assert seconds > 0
        assert graph == self.index.quantisation
        return dict.fromkeys(efs, self.recalls[self.built[-1]] if k == 10 else WIDE_RECALL)

    async def look(self, *, first: bool = False) -> None:
        """Let the index be looked at once."""
        upkeep = GraphUpkeep(cast("GraphRecall", self), 16, 100)
        repository = cast("MaintenanceRepository", self)
        await (upkeep.build(repository, self.index) if first else upkeep.care_for(repository, self.index, self.ann))


@pytest.mark.parametrize(
    ("tried", "following"),
    [
        ([(16, 100, 0.995)], None),
        ([(16, 100, 0.96)], (16, 200)),
        ([(16, 100, 0.3)], (16, 200)),
        ([(16, 100, 0.96), (16, 200, 0.98)], (16, 400)),
        ([(16, 100, 0.96), (16, 200, 0.97)], (32, 200)),
        ([(16, 100, 0.96), (16, 200, 0.98), (16, 400, 0.989)], (32, 400)),
        ([(16, 100, 0.96), (16, 200, 0.97), (32, 200, 0.975)], None),
        ([(16, 100, 0.90), (16, 200, 0.93), (32, 200, 0.97)], (32, 400)),
        ([(16, 400, 0.96)], (32, 400)),
        ([(64, 400, 0.96)], None),
        ([(16, 100, 0.96), (16, 200, 0.9905)], None),
    ],
)
def test_more_care_is_taken_as_long_as_it_helps(
    tried: list[tuple[int, int, float]], following: tuple[int, int] | None
) -> None:
    assert more_care([Attempt(*attempt) for attempt in tried]) == following


async def test_the_first_graph_is_built_once_and_made_better_later() -> None:
    graphs = Graphs({(16, 100): 0.96, (16, 200): 0.995})
    await graphs.look(first=True)
    assert graphs.built == [(16, 100)], "it answers: who waits for a graph does not wait for a better one"
    await graphs.look()
    assert graphs.built == [(16, 100), (16, 200)]
    await graphs.look()
    assert len(graphs.built) == 2, "it is good enough"
    assert graphs.index.graph is not None
    assert graphs.index.graph["tried"] == [[16, 100, 0.96], [16, 200, 0.995]]
    assert (graphs.index.graph["m"], graphs.index.graph["ef_construction"]) == (16, 200)


async def test_what_does_not_help_is_not_tried_again_and_again() -> None:
    graphs = Graphs({(16, 100): 0.6, (16, 200): 0.65, (32, 200): 0.7})
    await graphs.look(first=True)
    for _ in range(5):
        await graphs.look()
    assert graphs.built == [(16, 100), (16, 200), (32, 200)]


async def test_a_graph_that_has_grown_is_measured_and_may_be_tried_again() -> None:
    graphs = Graphs({(16, 100): 0.995, (16, 200): 0.995})
    await graphs.look(first=True)
    graphs.wear = GraphWear(2500, 0, leftover=False)
    graphs.recalls = {(16, 100): 0.97, (16, 200): 0.995}
    await graphs.look()
    assert graphs.built == [(16, 100)], "measured alone"
    await graphs.look()
    assert graphs.built == [(16, 100), (16, 200)]


async def test_a_worn_graph_is_built_with_the_care_it_had() -> None:
    graphs = Graphs(
        {(32, 200): 0.995}, {"chunks": 1000, "removed": 0, "m": 32, "ef_construction": 200, "tried": [[32, 200, 0.995]]}
    )
    graphs.wear = GraphWear(1000, 600, leftover=False)
    await graphs.look()
    assert graphs.built == [(32, 200)]


async def test_a_graph_of_another_quantisation_is_measured_before_the_old_one_goes() -> None:
    graphs = Graphs({(16, 100): 0.9})
    graphs.wear = GraphWear(1000, 0, leftover=False)
    await graphs.look(first=True)
    graphs.index = replace(graphs.index, quantisation="bit")
    assert graphs.ann.answering(graphs.index) == "none"
    await graphs.look(first=True)
    assert graphs.ann.ready == {"none", "bit"}, "whoever remembers the index as it was still finds its graph"
    assert graphs.ann.answering(graphs.index) == "bit"
    assert graphs.index.recalls("none") == {}
    assert set(graphs.index.recalls("bit").values()) == {0.9}
    assert set(graphs.index.wide_recalls().values()) == {WIDE_RECALL}
    await graphs.look()
    assert graphs.ann.ready == {"bit"}
    built = len(graphs.built)
    for _ in range(3):
        await graphs.look()
    assert len(graphs.built) == built, "a better graph would not bring back what quantisation loses"
