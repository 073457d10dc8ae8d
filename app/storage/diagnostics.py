"""Gathers what the doctor judges."""

import os
import shutil
from pathlib import Path

from app.domain.diagnosis import Facts, GraphFacts, Wanted
from app.storage.database import Database, Session
from app.storage.operations import OperationsRepository
from app.storage.statements import statement

_MEMORY = ("shared_buffers", "effective_cache_size", "maintenance_work_mem")
_WORDS = (
    "fsync", "full_page_writes", "data_checksums", "archive_mode", "autovacuum", "max_connections",
    "max_locks_per_transaction", "max_parallel_maintenance_workers", "random_page_cost",
    "dynamic_shared_memory_type", "data_directory",
)  # fmt: skip
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  it is looked at, nothing is put there
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


async def gather(database: Database, host: str | None, wanted: Wanted) -> Facts:
    """Ask the server of an open database; disk and shared memory too if it runs on this machine."""
    state = await OperationsRepository(database).server_state()
    async with database.session("probe") as session:  # it knows no types of pgvector, which may be missing
        rows = await session.fetch(statement("operations/list_settings"), names=[*_MEMORY, *_WORDS])
        found = {row["name"]: row for row in rows}
        hindrances = await session.fetch_row(statement("operations/get_hindrances"))
        if hindrances is None:
            raise AssertionError("a SELECT without FROM returns a row")
        graphs = await _graphs(session) if state.schema_revision is not None else ()
    directory = found["data_directory"]["setting"] if "data_directory" in found else None
    place = _place(directory, host)
    disk = None if place is None else shutil.disk_usage(place)
    return Facts(
        postgres_version=state.postgres_version,
        pgvector_version=state.pgvector_version,
        pgvector_available=hindrances["pgvector_available"],
        revision=state.schema_revision,
        read_only=state.read_only,
        settings={name: row["setting"] for name, row in found.items()},
        memory={name: found[name]["bytes"] for name in _MEMORY},
        own_timeout=hindrances["own_timeout"],
        graphs=graphs,
        oldest_transaction=hindrances["oldest_transaction"],
        idle_slots=tuple(hindrances["idle_slots"]),
        archive_failing=hindrances["archive_failing"],
        disk_free=None if disk is None else disk.free,
        disk_total=None if disk is None else disk.total,
        shared_memory_free=None if place is None else _shared_memory(),
        wanted=wanted,
    )


async def _graphs(session: Session) -> tuple[GraphFacts, ...]:
    rows = await session.fetch(statement("operations/list_graphs"))
    return tuple(
        GraphFacts(**(dict(row) | {"options": {key: int(value) for key, _, value in map(_split, row["options"])}}))
        for row in rows
    )


def _split(option: str) -> tuple[str, str, str]:
    return option.partition("=")


def _shared_memory() -> int | None:
    return shutil.disk_usage(_SHARED_MEMORY).free if _SHARED_MEMORY.exists() else None


def _place(directory: str | None, host: str | None) -> Path | None:
    """Return where the server's data lies if that is on this machine, or the folder above where it is closed to us.

    A loopback address alone may be a tunnel, or another container's.
    """
    if not directory or host not in _LOOPBACK:
        return None
    places = (Path(directory), Path(directory).parent)
    return next((place for place in places if os.access(place, os.X_OK)), None)
