"""PostgreSQL is killed, has no connection left, no room, or fails over; the service says so, and is back by itself."""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from app import embedded
from tests.api.calls import document, until
from tests.conftest import ROOT
from tests.faults.cluster import Cluster, cluster
from tests.faults.processes import service
from tests.faults.test_network import RECOVERY_SECONDS, recovered, search, write

FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON chunks FOR EACH ROW EXECUTE FUNCTION no_room();
"""
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'onyx-vector-search%'"
KEEP_ALIVE_RACE = re.compile("RemoteProtocolError|ReadError|WriteError")
"""A request on an idle connection that is closed at that moment: not accepted; its documents must not be there."""
MIGRATE = "import sys; sys.argv = ['vector-search', 'migrate']; from app.cli import main; main()"


@asynccontextmanager
async def serving(dsn: str, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    async with service(dsn, **settings) as process, httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        assert (await write(http)).status_code == 200
        before = process.pid
        yield http
        assert (await http.get("/health")).status_code == 200
        assert process.pid == before


async def first_refused(
    http: httpx.AsyncClient, call: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> httpx.Response:
    """Call until a call is refused: what served a connection outlives a killed postmaster for a moment."""
    answer: list[httpx.Response] = []

    async def is_refused() -> bool:
        answer[:] = [await call(http)]
        return answer[0].status_code != httpx.codes.OK

    await until(is_refused)
    return answer[0]


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_killed_or_restarted_it_is_used_again_as_soon_as_it_is_back(end: str) -> None:
    async with cluster() as database, serving(database.dsn) as http:
        if end == "kill":
            database.kill()
        else:
            await database.stop("fast")
        for call in (search, write):
            refused = await first_refused(http, call)
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert refused.headers["retry-after"] == "1"
        assert (await http.get("/health")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 503
        await database.start()
        assert await recovered(http) < RECOVERY_SECONDS


async def test_without_a_connection_left_requests_are_refused_until_there_is_one() -> None:
    async with cluster(settings={"max_connections": "12"}) as database, serving(database.dsn) as http:
        taken: list[asyncpg.Connection] = []
        try:
            await take_all(database.dsn, taken)
            await taken[0].execute(CUT)
            await take_all(database.dsn, taken)
            refused = await search(http)
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert (await http.get("/health")).status_code == 200
        finally:
            for connection in taken:
                connection.terminate()
        assert await recovered(http) < RECOVERY_SECONDS


async def take_all(dsn: str, taken: list[asyncpg.Connection]) -> None:
    """Connect until PostgreSQL refuses."""
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            taken.append(await asyncpg.connect(dsn))


async def test_without_room_writes_are_refused_and_searches_go_on(dsn: str) -> None:
    """PostgreSQL's own error, raised where a table would grow: a full disk needs no root this way."""
    async with serving(dsn) as http:
        owner = await asyncpg.connect(dsn)
        try:
            await owner.execute(FULL)
            refused = await http.post("/documents", json={"documents": [document("b")]})
            assert (refused.status_code, refused.json()["code"]) == (507, "database_full")
            assert (await search(http)).status_code == 200
            await owner.execute("DROP FUNCTION no_room CASCADE")
        finally:
            await owner.close()
        assert await recovered(http) < RECOVERY_SECONDS
        assert (await http.get("/documents/b")).status_code == 404


async def test_it_fails_over_to_a_standby_that_was_promoted() -> None:
    """Both are named in the DSN: what was acknowledged by the first is served by the second."""
    async with (
        cluster() as primary,
        standby_of(primary) as standby,
        serving(both(primary.dsn, standby.port)) as http,
    ):
        await until(lambda: caught_up(primary.dsn))
        primary.kill()
        assert (await write(http)).status_code == 503
        connection = await asyncpg.connect(standby.dsn())
        await connection.execute("SELECT pg_promote()")
        await connection.close()
        assert await recovered(http) < RECOVERY_SECONDS
        assert (await http.get("/documents/a")).status_code == 200


async def test_a_migration_that_is_killed_is_run_again() -> None:
    """At random moments: what is there afterwards is all of the schema or nothing of it."""
    chance = random.Random(4)
    async with cluster(migrated=False) as database:
        for _ in range(3):
            process = await migrate(database.dsn)
            await asyncio.sleep(chance.uniform(0.5, 3.0))
            if process.returncode is None:
                process.kill()
            await process.wait()
        process = await migrate(database.dsn)
        assert await process.wait() == 0
        async with serving(database.dsn) as http:
            assert (await search(http)).status_code == 200


async def migrate(dsn: str) -> asyncio.subprocess.Process:
    environment = os.environ | {"DATABASE_URL": dsn, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, env=environment, cwd=ROOT)


async def test_one_that_is_told_to_end_under_load_answers_what_it_took(dsn: str) -> None:
    """Requests that were accepted are answered, and what was answered is there."""
    async with service(dsn) as process:
        answers: list[tuple[str, int]] = []
        lost: list[str] = []

        async def client(number: int) -> None:
            async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
                for turn in range(1000):
                    name = f"{number}-{turn}"
                    try:
                        answer = await http.post("/documents", json={"documents": [document(name)]})
                    except httpx.ConnectError:
                        return  # it no longer listens: nothing was accepted
                    except httpx.TransportError as error:
                        lost.append(f"{name}: {type(error).__name__} {error}")
                        return
                    answers.append((name, answer.status_code))

        clients = [asyncio.create_task(client(number)) for number in range(8)]
        await until(lambda: busy(answers))
        assert await process.end(signal.SIGTERM) == 0
        await asyncio.gather(*clients)
    connection = await asyncpg.connect(dsn)
    there = {row["document_id"] for row in await connection.fetch("SELECT document_id FROM documents")}
    await connection.close()
    assert {status for _, status in answers} <= {200, 503}
    assert {name for name, status in answers if status == 200} == there
    assert [each for each in lost if not KEEP_ALIVE_RACE.search(each)] == []


async def busy(answers: list[tuple[str, int]]) -> bool:
    return len(answers) >= 40


@asynccontextmanager
async def standby_of(primary: Cluster) -> AsyncIterator[embedded.EmbeddedServer]:
    """Copy a running server, and let the copy follow it."""
    assert primary.server is not None
    place = primary.folder.parent / "standby"
    await asyncio.to_thread(copy, primary, place)
    server = await asyncio.to_thread(embedded.start, place, memory_bytes=2**30)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


def copy(primary: Cluster, place: Path) -> None:
    assert primary.server is not None
    place.mkdir()
    shutil.copy2(primary.folder / "password", place / "password")
    command: list[str | Path] = [
        primary.server.bin_dir / "pg_basebackup",
        "-D",
        place / "cluster",
        "-d",
        primary.dsn,
        "-R",
        "-X",
        "stream",
    ]
    subprocess.run(command, check=True)
    owner = (primary.folder / "cluster").stat()
    for path in [place / "cluster", *(place / "cluster").rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)


async def caught_up(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        lag: int | None = await connection.fetchval(
            "SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::bigint FROM pg_stat_replication"
        )
    finally:
        await connection.close()
    return lag == 0


def both(dsn: str, port: int) -> str:
    """Name two hosts in one address, and that the one is meant that takes writes."""
    login, _, rest = dsn.rpartition("@")
    first, _, name = rest.partition("/")
    return f"{login}@{first},127.0.0.1:{port}/{name}?target_session_attrs=read-write"
