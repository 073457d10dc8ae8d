"""Every metric, in one place; docs/operations.md says what to do about each.

Names and buckets follow Onyx's own search metrics, so that its dashboards read alike.
"""

import os
from functools import lru_cache
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector

SEARCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
PREFIX = "onyx_vector_search"
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Where worker processes share their metrics; prometheus-client reads it when it is imported."""

SEARCH_SECONDS = Histogram(
    f"{PREFIX}_search_duration_seconds",
    "Searches from the parsed request to the answer",
    ("search_type", "strategy"),
    buckets=SEARCH_BUCKETS,
)
SEARCH_DATABASE_SECONDS = Histogram(
    f"{PREFIX}_search_database_seconds",
    "The part of a search spent in PostgreSQL",
    ("search_type", "strategy"),
    buckets=SEARCH_BUCKETS,
)
SEARCH_OVERHEAD_SECONDS = Histogram(
    f"{PREFIX}_search_overhead_seconds",
    "The part of a search spent outside PostgreSQL",
    ("search_type",),
    buckets=SEARCH_BUCKETS,
)
SEARCHES = Counter(f"{PREFIX}_search_total", "Searches answered", ("search_type", "strategy"))
SEARCH_ERRORS = Counter(f"{PREFIX}_search_errors_total", "Searches that failed", ("search_type", "error_type"))
SEARCHES_IN_PROGRESS = Gauge(
    f"{PREFIX}_searches_in_progress", "Searches under way", ("search_type",), multiprocess_mode="livesum"
)

REQUEST_SECONDS = Histogram(
    f"{PREFIX}_http_request_duration_seconds",
    "HTTP requests by route template",
    ("method", "route", "status"),
    buckets=SEARCH_BUCKETS,
)
REQUESTS_IN_PROGRESS = Gauge(
    f"{PREFIX}_http_requests_in_progress", "HTTP requests under way", multiprocess_mode="livesum"
)
PROBLEMS = Counter(f"{PREFIX}_problems_total", "Problem answers by code", ("code",))

STATEMENT_SECONDS = Histogram(
    f"{PREFIX}_statement_duration_seconds", "SQL statements by file", ("statement",), buckets=SEARCH_BUCKETS
)
POOL_WAIT = Histogram(
    f"{PREFIX}_pool_wait_seconds", "Waiting for a database connection", ("pool",), buckets=SEARCH_BUCKETS
)
POOL_IN_USE = Gauge(
    f"{PREFIX}_pool_connections_in_use", "Database connections at work", ("pool",), multiprocess_mode="livesum"
)

DOCUMENTS_INDEXED = Counter(f"{PREFIX}_documents_indexed_total", "Documents written", ("result",))
CHUNKS_INDEXED = Counter(f"{PREFIX}_chunks_indexed_total", "Chunks by what became of them", ("result",))
DOCUMENTS_UPDATED = Counter(f"{PREFIX}_documents_updated_total", "Documents whose metadata changed")
DOCUMENTS_DELETED = Counter(f"{PREFIX}_documents_deleted_total", "Documents deleted")
ACCESS_CACHE = Counter(f"{PREFIX}_access_cache_total", "Access lists resolved", ("result",))
ANN_BUILDS = Counter(f"{PREFIX}_ann_builds_total", "HNSW graphs built", ("result",))
for _result in ("built", "failed"):  # a counter that is there from the start shows its first increase
    ANN_BUILDS.labels(_result)
IMPORT_ROWS = Counter(f"{PREFIX}_import_rows_total", "Rows of imports by what became of them", ("outcome",))
IMPORT_WARNINGS = Counter(f"{PREFIX}_import_warnings_total", "Rows taken with an assumption", ("warning",))
IMPORT_PAGES = Counter(f"{PREFIX}_import_pages_total", "Pages that an import has done", ("slice",))
IMPORT_RETRIES = Counter(f"{PREFIX}_import_retries_total", "Requests to the source that were made again", ("cause",))
IMPORT_EXPECTED = Gauge(f"{PREFIX}_import_expected_rows", "Rows the source says it has; an upper bound")
IMPORT_SLICES = Gauge(f"{PREFIX}_import_slices", "Slices of the import", ("state",))
EMBEDDING_SECONDS = Histogram(
    f"{PREFIX}_embedding_duration_seconds", "Calls of the embeddings endpoint", buckets=SEARCH_BUCKETS
)
REPLICA_LAG = Gauge(
    f"{PREFIX}_replica_lag_seconds", "How far a server of searches is behind", ("server",), multiprocess_mode="livemax"
)
REPLICA_USABLE = Gauge(
    f"{PREFIX}_replica_usable", "1 while searches may go to a server", ("server",), multiprocess_mode="livemin"
)
REPLICA_READS = Counter(f"{PREFIX}_replica_reads_total", "Reads by the server they went to", ("server",))
READY = Gauge(f"{PREFIX}_ready", "1 when the service can answer", multiprocess_mode="livemin")

INDEX_CHUNKS = Gauge(
    f"{PREFIX}_index_chunks", "Chunks of an index, about", ("tenant", "index"), multiprocess_mode="livemax"
)
INDEX_DEAD_RATIO = Gauge(
    f"{PREFIX}_index_dead_chunks_ratio",
    "Share of an index's embeddings that await vacuum",
    ("tenant", "index"),
    multiprocess_mode="livemax",
)
INDEX_BYTES = Gauge(
    f"{PREFIX}_index_bytes", "Bytes on disk by what they hold", ("tenant", "index", "part"), multiprocess_mode="livemax"
)
ANN_PROGRESS = Gauge(
    f"{PREFIX}_ann_build_progress",
    "1 when an index's HNSW graph answers, less while it is built",
    ("tenant", "index"),
    multiprocess_mode="livemax",
)
RECALL = Gauge(
    f"{PREFIX}_recall_estimate",
    "Share of the ten nearest chunks that searches through the HNSW graph find, by sample",
    ("tenant", "index"),
    multiprocess_mode="livemax",
)


MetricT = TypeVar("MetricT", bound=MetricWrapperBase)


def labelled(metric: MetricT, *labels: str) -> MetricT:
    """Return what counts under some labels, which are never removed: a search looks for a dozen of them."""
    return cast("MetricT", _labelled(metric, labels))


@lru_cache(maxsize=4096)
def _labelled(metric: MetricWrapperBase, labels: tuple[str, ...]) -> MetricWrapperBase:
    return metric.labels(*labels)  # under a lock, and longer than it takes to count


def render_metrics() -> bytes:
    """Write all metrics as Prometheus reads them; of all worker processes, if there are several."""
    if MULTIPROCESS_DIR not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client leaves it so
    return generate_latest(registry)
