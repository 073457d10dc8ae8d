"""The doctor's rules: nothing to say of a sound server, and one finding for each thing that is not."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.diagnosis import GB, MB, Facts, GraphFacts, Wanted, as_size, diagnose, graph_bytes

GRAPH = GraphFacts(
    name="public/documents",
    dimension=768,
    chunks=200_000,
    dead_chunks=100,
    embeddings_bytes=320 * MB,
    quantisation="none",
    ann_bytes=390 * MB,
    valid=True,
    building=False,
    options={"m": 16, "ef_construction": 100},
    analysed=True,
)
SOUND = Facts(
    postgres_version=180004,
    pgvector_version="0.8.5",
    pgvector_available="0.8.5",
    revision="0002",
    read_only=False,
    settings={
        "fsync": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "archive_mode": "on",
        "autovacuum": "on",
        "max_connections": "200",
        "max_locks_per_transaction": "256",
        "max_parallel_maintenance_workers": "2",
        "random_page_cost": "1.1",
        "dynamic_shared_memory_type": "posix",
    },
    memory={"shared_buffers": 2 * GB, "effective_cache_size": 6 * GB, "maintenance_work_mem": GB},
    own_timeout=False,
    graphs=(GRAPH,),
    oldest_transaction=1.0,
    idle_slots=(),
    archive_failing=False,
    disk_free=50 * GB,
    disk_total=100 * GB,
    shared_memory_free=2 * GB,
    wanted=Wanted(
        revision="0002",
        known_revisions=frozenset({"0001", "0002"}),
        connections=14,
        workers=1,
        ann_threshold=20_000,
        m=16,
        ef_construction=100,
    ),
)


def unsound(facts: Facts) -> list[tuple[str, str]]:
    return [(finding.level, finding.subject) for finding in diagnose(facts) if finding.level != "ok"]


def test_a_sound_server_needs_nothing() -> None:
    assert unsound(SOUND) == []
    assert all(not finding.advice for finding in diagnose(SOUND))


def with_settings(**changes: str) -> dict[str, Any]:
    return {"settings": SOUND.settings | changes}


def with_graph(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  fields of a dataclass
    return {"graphs": (replace(GRAPH, **changes),)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"postgres_version": 150018}, ("error", "PostgreSQL")),
        ({"pgvector_version": None}, ("error", "pgvector")),
        ({"pgvector_version": "0.7.4"}, ("error", "pgvector")),
        ({"pgvector_version": "0.8.1"}, ("warning", "pgvector")),
        ({"pgvector_available": "0.10.0"}, ("warning", "pgvector")),
        ({"revision": None}, ("error", "schema")),
        ({"revision": "0001"}, ("error", "schema")),
        ({"revision": "0003"}, ("warning", "schema")),
        ({"read_only": True}, ("error", "writes")),
        (with_settings(fsync="off"), ("error", "durability")),
        (with_settings(data_checksums="off"), ("warning", "data_checksums")),
        (with_settings(archive_mode="off"), ("warning", "archive_mode")),
        ({"archive_failing": True}, ("error", "WAL archive")),
        ({"memory": SOUND.memory | {"effective_cache_size": 512 * MB}}, ("warning", "shared_buffers")),
        ({"memory": SOUND.memory | {"shared_buffers": 128 * MB}}, ("warning", "shared_buffers")),
        ({"memory": SOUND.memory | {"maintenance_work_mem": 64 * MB}}, ("warning", "maintenance_work_mem")),
        (with_settings(max_parallel_maintenance_workers="0"), ("warning", "max_parallel_maintenance_workers")),
        (with_settings(random_page_cost="4"), ("warning", "random_page_cost")),
        (with_settings(max_connections="17"), ("error", "max_connections")),
        (with_settings(max_connections="40"), ("warning", "max_connections")),
        ({"own_timeout": True}, ("warning", "statement_timeout")),
        (with_graph(valid=None), ("warning", 'index "public/documents"')),
        (with_graph(valid=False), ("warning", 'index "public/documents"')),
        (with_graph(dead_chunks=150_000), ("warning", 'index "public/documents"')),
        (with_graph(analysed=False), ("warning", 'index "public/documents"')),
        (with_graph(options={"m": 8, "ef_construction": 100}), ("warning", 'index "public/documents"')),
        (with_settings(autovacuum="off"), ("error", "autovacuum")),
        ({"oldest_transaction": 7200.0}, ("warning", "oldest transaction")),
        ({"idle_slots": ("standby",)}, ("warning", "replication slot")),
        ({"disk_free": 5 * GB}, ("warning", "disk")),
        ({"shared_memory_free": 64 * MB}, ("warning", "shared memory")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_thing_that_is_wrong_is_found_alone_and_has_advice(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    facts = replace(SOUND, **changes)
    assert unsound(facts) == [expected]
    assert all(finding.advice for finding in diagnose(facts) if finding.level != "ok")


@pytest.mark.parametrize(
    "changes",
    [
        with_graph(valid=None, chunks=5000),
        with_graph(valid=False, building=True),
        with_graph(chunks=200, dead_chunks=0, analysed=False, valid=None),
        with_graph(options={}),
        {"disk_free": None, "disk_total": None, "shared_memory_free": None},
        with_settings(dynamic_shared_memory_type="mmap") | {"shared_memory_free": 0},
    ],
)
def test_what_only_looks_wrong_is_left_alone(changes: dict[str, Any]) -> None:
    assert unsound(replace(SOUND, **changes)) == []


def test_many_indexes_need_many_locks() -> None:
    facts = replace(SOUND, graphs=(GRAPH,) * 400, **with_settings(max_locks_per_transaction="64"))
    assert ("warning", "max_locks_per_transaction") in unsound(facts)


def test_sizes_read_well() -> None:
    assert as_size(1536 * MB) == "1.5 GB"
    assert as_size(64 * MB) == "64 MB"
    assert graph_bytes(1_000_000, 768, 16) == pytest.approx(1.9e9, rel=0.1)
