"""Backups are taken under write load, restored elsewhere and compared: by pg_dump, and to a point in time."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import numpy as np
import pytest

from app import embedded
from app.storage import migrations
from tests.conftest import DIMENSION, make_settings, running

TABLES = (
    "indexes",
    "documents",
    "chunks",
    "chunk_embeddings",
    "chunk_segments",
    "title_embeddings",
    "chunk_terms",
    "acl_sets",
)
rng = np.random.default_rng(5)


async def write(client: httpx.AsyncClient, name: str, chunks: int = 3) -> None:
    vectors = rng.normal(size=(chunks, DIMENSION)).round(3).tolist()
    parts = [{"chunk_index": i, "content": f"{name} {i}", "embedding": vector} for i, vector in enumerate(vectors)]
    answer = await client.post("/documents", json={"documents": [{"id": name, "title": name, "chunks": parts}]})
    answer.raise_for_status()


@asynccontextmanager
async def write_load(client: httpx.AsyncClient) -> AsyncIterator[list[str]]:
    """Write, replace and delete without a break; only odd documents go."""
    written: list[str] = []

    async def work() -> None:
        while True:
            name = f"d{len(written)}"
            await write(client, name)
            written.append(name)
            await write(client, f"d{len(written) // 2}", chunks=2)
            await client.delete(f"/documents/d{len(written) // 3 | 1}")

    task = asyncio.create_task(work())
    try:
        yield written
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reach(written: list[str], count: int) -> None:
    async with asyncio.timeout(60):
        while len(written) < count:  # noqa: ASYNC110  the list has no event
            await asyncio.sleep(0.05)


async def digests(connection: asyncpg.Connection) -> dict[str, str]:
    """One number for all rows of each table, whatever their order."""
    return {
        table: await connection.fetchval(
            f"SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {table} AS t"  # noqa: S608  a name from above
        )
        for table in TABLES
    }


async def run(server: embedded.EmbeddedServer, tool: str, *arguments: str | Path, dsn: str) -> None:
    command = [server.bin_dir / tool, *arguments, f"--dbname={dsn}"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def finds(dsn: str, name: str) -> bool:
    async with running(make_settings(dsn)) as client:
        found = await client.post("/chunks/retrieve", json={"sections": [{"document_id": name}]})
        near = await client.post("/search", json={"mode": "semantic", "embedding": [1.0] * DIMENSION, "limit": 5})
        assert len(near.raise_for_status().json()["hits"]) == 5
        return len(found.raise_for_status().json()["chunks"]) > 0


async def test_a_dump_under_write_load_restores_to_the_same_rows(
    dsn: str, postgres: embedded.EmbeddedServer, tmp_path: Path
) -> None:
    dump = tmp_path / "vectors.dump"
    async with running(make_settings(dsn)) as client, write_load(client) as written:
        await reach(written, 20)
        watcher = await asyncpg.connect(dsn)
        try:
            async with watcher.transaction(isolation="repeatable_read"):
                snapshot = await watcher.fetchval("SELECT pg_export_snapshot()")
                before = len(written)
                await run(postgres, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={dump}", dsn=dsn)
                await reach(written, before + 5)  # writes went on meanwhile
                expected = await digests(watcher)
            now = await digests(watcher)
        finally:
            await watcher.close()
    assert now != expected
    restored = postgres.dsn("restored_" + tmp_path.name.replace("-", "_"))
    admin = await asyncpg.connect(postgres.dsn())
    try:
        name = restored.rsplit("/", 1)[1]
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            await run(postgres, "pg_restore", "--exit-on-error", "--jobs=2", dump, dsn=restored)
            copy = await asyncpg.connect(restored)
            try:
                assert await digests(copy) == expected
            finally:
                await copy.close()
            await asyncio.to_thread(migrations.upgrade, restored)  # nothing to do, and no harm
            assert await finds(restored, written[16])
        finally:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Where WAL is archived; the server may run as another user."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest", "popen", "test_")):
            folder.chmod(0o755)
    place = tmp_path / "archive"
    place.mkdir()
    place.chmod(0o777)
    return place


def restore(backup: Path, live: Path, restored: Path) -> None:
    """Make a data folder of a base backup, as a person would: files in place, owned by the server's user."""
    shutil.copytree(live, restored, ignore=shutil.ignore_patterns("cluster", "*.lock", "port"))
    shutil.move(backup, restored / "cluster")
    (restored / "cluster" / "recovery.signal").touch()
    owner = (live / "cluster").stat()
    for path in (restored, *restored.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    (restored / "cluster").chmod(0o700)


async def archived(admin: asyncpg.Connection, segment: str) -> None:
    async with asyncio.timeout(60):
        # PostgreSQL raises no event when a segment is archived.
        while await admin.fetchval("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") < segment:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def back_up(server: embedded.EmbeddedServer, backup: Path) -> str:
    """Take a base backup under write load, name a moment, and write on; return a document of before the backup."""
    async with running(make_settings(server.dsn())) as client, write_load(client) as written:
        await reach(written, 10)
        arguments = (f"--pgdata={backup}", "--checkpoint=fast", "--wal-method=none")
        await run(server, "pg_basebackup", *arguments, dsn=server.dsn())
        await write(client, "before")
        admin = await asyncpg.connect(server.dsn())
        try:
            await admin.execute("SELECT pg_create_restore_point('by_hand')")
            await write(client, "after")
            segment = await admin.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
            await archived(admin, segment)
        finally:
            await admin.close()
        return written[8]


async def test_a_point_in_time_is_restored_from_a_base_backup_and_wal(archive: Path, tmp_path: Path) -> None:
    logged = {"wal_level": "replica", "archive_mode": "on", "archive_command": f"cp %p {archive}/%f"}
    live, restored = tmp_path / "live", tmp_path / "restored"
    server = await asyncio.to_thread(embedded.start, live, durable=False, memory_bytes=2**30, settings=logged)
    try:
        await asyncio.to_thread(migrations.upgrade, server.dsn())
        old = await back_up(server, tmp_path / "backup")
    finally:
        await asyncio.to_thread(server.stop)
    await asyncio.to_thread(restore, tmp_path / "backup", live, restored)
    target = {"restore_command": f"cp {archive}/%f %p", "recovery_target_name": "by_hand"}
    target |= {"recovery_target_action": "promote", "archive_mode": "off"}
    again = await asyncio.to_thread(embedded.start, restored, durable=False, memory_bytes=2**30, settings=target)
    try:
        assert await finds(again.dsn(), old)
        assert await finds(again.dsn(), "before")
        assert not await finds(again.dsn(), "after")
    finally:
        await asyncio.to_thread(again.stop)
