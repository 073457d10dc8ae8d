"""Access lists of 10 to 50,000 entries: remembered (warm) and never seen before (cold)."""

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.bench import Bench, Cell, interleaved
from bench.cpu import clocks
from bench.results import Cells
from bench.selections import exact_answers, recall
from bench.statistics import of_latencies

ENTRIES = (10, 1_000, 50_000)
_COLD = 8


def run(bench: Bench) -> Cells:
    """Measure the service under each length of list."""
    cells: list[Cell] = []
    for entries in ENTRIES:
        cells.append((f"{entries} entries, warm · service", partial(_warm, bench, entries)))
        cells.append((f"{entries} entries, cold · service", partial(_cold, bench, entries)))
    return interleaved(bench, cells)


def _warm(bench: Bench, entries: int, round_number: int) -> dict[str, float]:
    """One reader asks many questions: the list is resolved once, before the clock starts."""
    return _measured(bench, entries, round_number, bench.pace.questions, lambda reader, _: reader)


def _cold(bench: Bench, entries: int, round_number: int) -> dict[str, float]:
    """Every question is another reader's; they differ in an entry that opens nothing."""

    def stranger(reader: list[str], number: int) -> list[str]:
        return [*reader[:-1], f"group:new-{round_number}-{number}"]

    return _measured(bench, entries, round_number, _COLD, stranger)


def _measured(
    bench: Bench, entries: int, round_number: int, questions: int, reader_of: Callable[[list[str], int], list[str]]
) -> dict[str, float]:
    rng = bench.rng(4, entries, round_number)
    dataset, service = bench.material.dataset, bench.service
    queries = rng.permutation(len(dataset.queries))[:questions].tolist()
    held = dataset.access.reader(rng, entries)
    readers = [reader_of(held, number) for number in range(questions)]
    bodies = [
        service.question(dataset.queries[query], {"access_control_list": reader})
        for query, reader in zip(queries, readers, strict=True)
    ]
    if readers[0] == readers[-1]:
        service.session()(bodies[0])
    used = clocks(service.server(), service.data_dir)
    run = bench.driver.run(service, bodies, 1, 2 * bench.pace.seconds)
    costs = {name: clock.seconds() / len(run.latencies) * 1000 for name, clock in used.items()}
    answers = [(queries[place], service.read(answer)) for place, answer in run.answers]
    wanted = exact_answers(dataset, dataset.access.readable(readers[0]), [query for query, _ in answers])
    recalls = [recall(found, exact) for (_, found), exact in zip(answers, wanted, strict=True)]
    return (
        of_latencies(run.latencies, run.seconds)
        | costs
        | {
            "recall": float(np.mean(recalls)),
            "readable_share": float(dataset.access.readable(readers[0]).mean()),
        }
    )
