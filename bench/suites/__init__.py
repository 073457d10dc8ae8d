"""The suites, one subject a file: each takes a `Bench` and returns its cells; `starting` starts services itself."""

from collections.abc import Callable

from bench.bench import Bench
from bench.results import Cells
from bench.suites import access, concurrency, indexing, overhead, search, updating, words

SUITES: dict[str, Callable[[Bench], Cells]] = {
    "search": search.run,
    "overhead": overhead.run,
    "concurrency": concurrency.run,
    "access": access.run,
    "words": words.run,
    "updating": updating.run,
    "indexing": indexing.run,
}
"""In the order in which they run: those that change the index come after those that only read it."""

STARTING = "starting"
