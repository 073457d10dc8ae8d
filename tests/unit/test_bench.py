"""What the benchmarks compute about answers and runs, where a mistake would flatter us."""

import os
import subprocess
import sys
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from bench.cpu import ProcessorTime
from bench.dataset import CHUNKS_PER_DOCUMENT, Dataset, Recipe
from bench.results import Results, differences
from bench.selections import K, Selections, exact_answers, recall
from bench.statistics import of_latencies, over_rounds

RECIPE = Recipe(size=2_000, dimension=96)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return Dataset(RECIPE, tmp_path_factory.mktemp("data"))


def test_the_same_recipe_makes_the_same_data(dataset: Dataset, tmp_path: Path) -> None:
    again = Dataset(RECIPE, tmp_path)
    assert np.array_equal(again.vectors, dataset.vectors)
    assert np.array_equal(again.queries, dataset.queries)
    assert again.texts(3) == dataset.texts(3)
    assert again.access.entries(3) == dataset.access.entries(3)


def test_filters_keep_the_share_they_are_named_after(dataset: Dataset) -> None:
    kept = {s.name: int(s.documents.sum()) for s in Selections(dataset).all if s.documents is not None}
    assert kept["spread_50"] == kept["topical_50"] == 100
    assert kept["spread_1"] == kept["topical_1"] == 2
    assert kept["spread_0_01"] == 1  # never none: that is a case of its own
    assert kept["none"] == 0


def test_a_topical_filter_cuts_at_most_one_topic(dataset: Dataset) -> None:
    (selection,) = Selections(dataset).named("topical_10")
    assert selection.documents is not None
    shares = [float(selection.documents[dataset.topics == topic].mean()) for topic in np.unique(dataset.topics)]
    assert sum(0.0 < share < 1.0 for share in shares) <= 1


def test_exact_answers_are_those_of_measuring_every_allowed_chunk(dataset: Dataset) -> None:
    allowed = np.zeros(dataset.documents, dtype=np.bool_)
    allowed[[3, 50, 51]] = True
    found = exact_answers(dataset, allowed, [0, 7])
    chunks = [d * CHUNKS_PER_DOCUMENT + n for d in (3, 50, 51) for n in range(CHUNKS_PER_DOCUMENT)]
    for row, query in zip(found, (0, 7), strict=True):
        score = {chunk: float(dataset.vectors[chunk] @ dataset.queries[query]) for chunk in chunks}
        assert row.tolist() == sorted(chunks, key=lambda chunk: -score[chunk])[:K]


def test_fewer_allowed_chunks_than_hits_are_padded(dataset: Dataset) -> None:
    nothing = exact_answers(dataset, np.zeros(dataset.documents, dtype=np.bool_), [0])
    assert nothing.tolist() == [[-1] * K]


def test_readers_read_what_one_of_their_entries_opens(dataset: Dataset) -> None:
    access = dataset.access
    reader = access.reader(dataset.rng(99), 30)
    readable = access.readable(reader)
    for document in range(dataset.documents):
        opened = not set(reader).isdisjoint(access.entries(document))
        assert bool(readable[document]) == (opened or bool(access.public[document]))


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ([1, 2], [1, 2, -1], 1.0),
        ([1, 9], [1, 2, -1], 0.5),
        ([], [1, 2, -1], 0.0),
        ([], [-1, -1], 1.0),
        ([5], [-1, -1], 0.0),
    ],
)
def test_recall_counts_what_is_missing_and_what_must_not_be_there(
    found: list[int], wanted: list[int], expected: float
) -> None:
    assert recall(found, np.array(wanted)) == expected


def test_rounds_are_summed_up_as_median_and_range() -> None:
    summed = over_rounds([{"p50_ms": 3.0}, {"p50_ms": 1.0, "recall": 0.9}, {"p50_ms": 2.0}])
    assert summed == {"p50_ms": [2.0, 1.0, 3.0], "recall": [0.9, 0.9, 0.9]}


def test_answers_a_second_are_of_wall_time_and_not_of_latencies() -> None:
    numbers = of_latencies([10.0] * 80, seconds=0.1)  # eight connections side by side
    assert numbers["per_second"] == pytest.approx(800)
    assert numbers["p50_ms"] == 10


def test_a_run_goes_on_where_it_was_interrupted_and_only_as_the_same_run(tmp_path: Path) -> None:
    path, head = tmp_path / "run.json", {"size": 10}
    Results(path, head, resume=True).add("search", {"open · service": {"p50_ms": [1.0, 1.0, 1.0]}}, 2.0)
    assert Results(path, head, resume=True).has("search")
    assert not Results(path, {"size": 20}, resume=True).has("search")
    assert not Results(path, head, resume=False).has("search")


def test_a_difference_is_one_only_when_the_ranges_part() -> None:
    def results(p50: list[float]) -> dict[str, object]:
        return {"suites": {"search": {"cells": {"open · service": {"p50_ms": p50}}}}}

    ((*_, was, now, apart),) = differences(results([1.0, 0.9, 1.2]), results([1.3, 1.25, 1.5]))
    assert (was, now, apart) == (1.0, 1.3, True)
    ((*_, apart),) = differences(results([1.0, 0.9, 1.2]), results([1.3, 1.1, 1.5]))
    assert not apart


def test_processor_time_counts_work_and_not_the_processes_that_ended() -> None:
    spinning = "end = __import__('time').process_time() + 0.3\nwhile __import__('time').process_time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", f"{spinning}\ninput()"], stdin=subprocess.PIPE) as ending:
        used = ProcessorTime([os.getpid(), ending.pid])
        end = process_time() + 0.2
        while process_time() < end:
            pass
        ending.communicate(b"\n")
    assert 0.2 <= used.seconds() < 0.45
