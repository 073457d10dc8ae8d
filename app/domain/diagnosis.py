"""What is wrong with the ground the service stands on, what that leads to, and what to change.

Rules over facts that were gathered elsewhere; sizes in bytes, times in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from app.domain.quantisation import Quantisation, embedding_bytes

Level = Literal["ok", "warning", "error"]

MB = 1024 * 1024
GB = 1024 * MB

OLDEST_POSTGRES = 16
OLDEST_PGVECTOR = (0, 8, 0)
SAFE_PGVECTOR = (0, 8, 4)
_DEAD_RATIO = 0.3
_FEW_ROWS = 1000
_HOUR = 3600.0
_FREE_SHARE = 0.15
_MANY_INDEXES = 20
_LOCKS_PER_INDEX = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``advice`` says what to change and why, and is empty when all is well."""

    level: Level
    subject: str
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """An index and its HNSW graph; ``options`` are those it was built with, ``valid`` None without a graph."""

    name: str
    dimension: int
    quantisation: Quantisation
    chunks: int
    dead_chunks: int
    embeddings_bytes: int
    ann_bytes: int
    valid: bool | None
    building: bool
    options: dict[str, int]
    analysed: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the service's settings ask for; ``connections`` are those of one process."""

    revision: str
    known_revisions: frozenset[str]
    connections: int
    workers: int
    ann_threshold: int
    m: int
    ef_construction: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found. ``settings`` are numbers in bytes or words; disk and shared memory are None out of sight."""

    postgres_version: int
    pgvector_version: str | None
    pgvector_available: str | None
    revision: str | None
    read_only: bool
    settings: dict[str, str]
    memory: dict[str, int]
    own_timeout: bool
    graphs: tuple[GraphFacts, ...]
    oldest_transaction: float
    idle_slots: tuple[str, ...]
    archive_failing: bool
    disk_free: int | None = None
    disk_total: int | None = None
    shared_memory_free: int | None = None
    wanted: Wanted = field(kw_only=True)


def diagnose(facts: Facts) -> list[Finding]:
    """Return every finding, in the order in which they should be mended."""
    rules = (_versions, _schema, _durability, _memory, _connections, _graphs, _housekeeping, _places)
    return [finding for rule in rules for finding in rule(facts)]


def as_size(size: int) -> str:
    """Write bytes the way people read them."""
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / MB:.0f} MB"


def graph_bytes(chunks: int, dimension: int, m: int, quantisation: Quantisation = "none") -> int:
    """Estimate the memory that building a graph takes: what it holds of the embedding, its neighbours, overhead."""
    return chunks * (embedding_bytes(dimension, quantisation) + 8 + 2 * m * 10 + 80)


def _versions(facts: Facts) -> Iterator[Finding]:
    major = facts.postgres_version // 10000
    if major < OLDEST_POSTGRES:
        yield Finding(
            "error", "PostgreSQL", f"version {major}", f"{OLDEST_POSTGRES} is the oldest that is supported: upgrade it."
        )
    else:
        yield Finding("ok", "PostgreSQL", f"version {major}.{facts.postgres_version % 10000}")
    if facts.pgvector_version is None:
        advice = "Run `vector-search migrate` as a user who may create extensions, or CREATE EXTENSION vector as one."
        if facts.pgvector_available is None:
            advice = "The server does not have it: install pgvector 0.8.4 or later there, or use an image that has it."
        yield Finding("error", "pgvector", "not installed in this database", advice)
        return
    installed = _version(facts.pgvector_version)
    update = "Install a newer package, then ALTER EXTENSION vector UPDATE."
    if installed < OLDEST_PGVECTOR:
        yield Finding(
            "error", "pgvector", facts.pgvector_version, f"0.8.0 is needed for halfvec and iterative scans. {update}"
        )
    elif installed < SAFE_PGVECTOR:
        yield Finding(
            "warning", "pgvector", facts.pgvector_version, f"Vacuum can damage HNSW graphs before 0.8.4. {update}"
        )
    elif facts.pgvector_available and _version(facts.pgvector_available) > installed:
        newer = f"{facts.pgvector_available} is there already: ALTER EXTENSION vector UPDATE."
        yield Finding("warning", "pgvector", facts.pgvector_version, newer)
    else:
        yield Finding("ok", "pgvector", facts.pgvector_version)


def _schema(facts: Facts) -> Iterator[Finding]:
    wanted = facts.wanted
    if facts.revision is None:
        yield Finding("error", "schema", "not there", "Run `vector-search migrate`.")
    elif facts.revision == wanted.revision:
        yield Finding("ok", "schema", f"revision {facts.revision}")
    elif facts.revision in wanted.known_revisions:
        advice = f"This release needs {wanted.revision}: run `vector-search migrate`."
        yield Finding("error", "schema", f"revision {facts.revision}", advice)
    else:
        advice = "A newer release made it. This one works on it, but upgrade it soon."
        yield Finding("warning", "schema", f"revision {facts.revision}", advice)


def _durability(facts: Facts) -> Iterator[Finding]:
    if facts.read_only:
        advice = "Writes are refused. Name the primary, or a DSN with all hosts and target_session_attrs=read-write."
        yield Finding("error", "writes", "the database takes none", advice)
    off = [name for name in ("fsync", "full_page_writes") if facts.settings.get(name) == "off"]
    if off:
        advice = f"A crash can destroy the database: ALTER SYSTEM SET {off[0]} = on."
        yield Finding("error", "durability", f"{' and '.join(off)} off", advice)
    if facts.settings.get("data_checksums") == "off":
        advice = "A broken disk goes unnoticed: stop the server and run pg_checksums --enable."
        yield Finding("warning", "data_checksums", "off", advice)
    if facts.settings.get("archive_mode") == "off":
        advice = "There is no point-in-time recovery; a nightly pg_dump loses up to a day (docs/operations.md, Backup)."
        yield Finding("warning", "archive_mode", "off", advice)
    if facts.archive_failing:
        advice = "WAL piles up until the disk is full: see the server's log and mend archive_command."
        yield Finding("error", "WAL archive", "the last attempt failed", advice)
    if not off and not facts.read_only:
        yield Finding("ok", "durability", "acknowledged writes survive a crash")


def _memory(facts: Facts) -> Iterator[Finding]:
    hot = sum(graph.embeddings_bytes + graph.ann_bytes for graph in facts.graphs)
    buffers, cache = facts.memory["shared_buffers"], facts.memory["effective_cache_size"]
    found = f"{as_size(buffers)}; embeddings and graphs are {as_size(hot)}"
    if hot > cache:
        advice = (
            f"They fit in no cache (effective_cache_size {as_size(cache)}): searches wait for the disk. Add memory."
        )
        yield Finding("warning", "shared_buffers", found, advice)
    elif buffers <= 128 * MB < hot:
        advice = "It is still at its default: give it a quarter of the server's memory, and restart it."
        yield Finding("warning", "shared_buffers", found, advice)
    else:
        yield Finding("ok", "shared_buffers", found)
    needed = max((graph_bytes(g.chunks, g.dimension, facts.wanted.m, g.quantisation) for g in facts.graphs), default=0)
    work = facts.memory["maintenance_work_mem"]
    if needed > work:
        advice = f"The largest graph needs about {as_size(needed)}; with less, its build is many times slower."
        yield Finding("warning", "maintenance_work_mem", as_size(work), advice)
    else:
        yield Finding("ok", "maintenance_work_mem", as_size(work))
    if facts.settings.get("max_parallel_maintenance_workers") == "0":
        advice = "Graphs are built by one processor: set it to half of the processors."
        yield Finding("warning", "max_parallel_maintenance_workers", "0", advice)
    if float(facts.settings.get("random_page_cost", "1.1")) > 2.0:  # noqa: PLR2004  what disks that turn had
        yield Finding("warning", "random_page_cost", facts.settings["random_page_cost"], "On SSDs 1.1 is right.")


def _connections(facts: Facts) -> Iterator[Finding]:
    wanted = facts.wanted
    limit = int(facts.settings["max_connections"])
    needed = wanted.connections * wanted.workers
    found = f"{limit}; one instance of this service opens up to {needed}"
    if needed > limit - 5:
        advice = "Lower VECTOR_SEARCH_SEARCH_CONNECTIONS, or raise max_connections: requests would fail under load."
        yield Finding("error", "max_connections", found, advice)
    elif 3 * needed > limit - 5:
        advice = "It is too few for three instances, or for two and one more while upgrading."
        yield Finding("warning", "max_connections", found, advice)
    else:
        yield Finding("ok", "max_connections", found)
    locks = int(facts.settings["max_locks_per_transaction"])
    if len(facts.graphs) > _MANY_INDEXES and locks * limit < _LOCKS_PER_INDEX * len(facts.graphs):
        advice = "Dumps and migrations lock every partition: set max_locks_per_transaction to 256."
        yield Finding("warning", "max_locks_per_transaction", str(locks), advice)
    if facts.own_timeout:
        advice = (
            "Builds of graphs would be cut off by it: ALTER ROLE … RESET statement_timeout; the service sets its own."
        )
        yield Finding("warning", "statement_timeout", "set for this role or database", advice)


def _graphs(facts: Facts) -> Iterator[Finding]:
    wanted = facts.wanted
    for graph in facts.graphs:
        subject, found = f'index "{graph.name}"', f"{graph.chunks} chunks"
        rows = graph.chunks + graph.dead_chunks
        if graph.valid is None and graph.chunks >= wanted.ann_threshold:
            advice = "It is searched exactly. A running service builds a graph: does its log say ann_build_failed?"
            yield Finding("warning", subject, found, advice)
        elif graph.valid is False and not graph.building:
            advice = "Its build was interrupted. A running service drops the remains and builds anew."
            yield Finding("warning", subject, f"{found}, invalid graph", advice)
        elif rows and graph.dead_chunks / rows > _DEAD_RATIO:
            advice = "Autovacuum does not keep up: VACUUM it, and look for what holds old rows (below)."
            yield Finding("warning", subject, f"{found}, {graph.dead_chunks} dead rows", advice)
        elif not graph.analysed and graph.chunks > _FEW_ROWS:
            yield Finding(
                "warning", subject, f"{found}, no statistics", "Plans are guesses: ANALYZE, and is autovacuum on?"
            )
        elif graph.valid and graph.options and not _is_as_wanted(graph.options, wanted):
            built = ", ".join(f"{name} {value}" for name, value in sorted(graph.options.items()))
            advice = f"Settings say m {wanted.m}, ef_construction {wanted.ef_construction}: drop it, it is built anew."
            yield Finding("warning", subject, f"{found}, graph with {built}", advice)
        else:
            state = "being built" if graph.building else "exact search" if graph.valid is None else "HNSW"
            yield Finding("ok", subject, f"{found}, {state}")


def _is_as_wanted(options: dict[str, int], wanted: Wanted) -> bool:
    """With more care than the settings say is as well: the maintainer takes it where recall falls short."""
    return options.get("m", 0) >= wanted.m and options.get("ef_construction", 0) >= wanted.ef_construction


def _housekeeping(facts: Facts) -> Iterator[Finding]:
    if facts.settings.get("autovacuum") == "off":
        yield Finding("error", "autovacuum", "off", "Tables bloat without end: ALTER SYSTEM SET autovacuum = on.")
    if facts.oldest_transaction > _HOUR:
        advice = (
            "It keeps vacuum from freeing rows and graphs from being built: find it in pg_stat_activity and end it."
        )
        yield Finding("warning", "oldest transaction", f"{facts.oldest_transaction / _HOUR:.1f} hours", advice)
    for slot in facts.idle_slots:
        advice = "WAL is kept for it until the disk is full: pg_drop_replication_slot() if nobody will read it."
        yield Finding("warning", "replication slot", f"{slot} is read by nobody", advice)


def _places(facts: Facts) -> Iterator[Finding]:
    largest = max((graph.ann_bytes for graph in facts.graphs), default=0)
    if facts.disk_free is not None and facts.disk_total:
        found = f"{as_size(facts.disk_free)} free of {as_size(facts.disk_total)}"
        if facts.disk_free < max(_FREE_SHARE * facts.disk_total, 2 * largest):
            yield Finding(
                "warning", "disk", found, "Rebuilding a graph needs its size once more, and WAL needs room: grow it."
            )
        else:
            yield Finding("ok", "disk", found)
    else:
        yield Finding("ok", "disk", "that of the server cannot be seen from here; watch it there")
    work = facts.memory["maintenance_work_mem"]
    if facts.settings.get("dynamic_shared_memory_type") != "posix":
        yield Finding("ok", "shared memory", "not used by this server")
    elif facts.shared_memory_free is None:
        yield Finding(
            "ok", "shared memory", f"cannot be seen from here; parallel builds need {as_size(work)} in /dev/shm"
        )
    elif facts.shared_memory_free < work:
        advice = (
            f"Parallel builds need {as_size(work)} in /dev/shm: raise its size, or dynamic_shared_memory_type = mmap."
        )
        yield Finding("warning", "shared memory", f"{as_size(facts.shared_memory_free)} free", advice)
    else:
        yield Finding("ok", "shared memory", f"{as_size(facts.shared_memory_free)} free")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
