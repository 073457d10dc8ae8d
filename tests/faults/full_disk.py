"""A disk that is really full: PostgreSQL on a file system of its own, filled up and given room again.

``make faults-disk``, as root on Linux, since a file system is mounted. First tables cannot grow while the log still
can; then the log cannot either, which PostgreSQL itself does not survive.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import orjson

from tests.api.calls import NEAR, until
from tests.faults.cluster import Cluster, cluster
from tests.faults.processes import service
from tests.faults.test_network import RECOVERY_SECONDS, recovered, search

SIZE = "512m"
SMALL = {"min_wal_size": "80MB", "max_wal_size": "96MB"}
CLEAR = {200, 503, 504, 507}


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount a small file system, and let temporary folders be made there."""
    with tempfile.TemporaryDirectory(prefix="disk-") as place:
        subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", place], check=True)
        before, tempfile.tempdir = tempfile.tempdir, place
        try:
            yield Path(place)
        finally:
            tempfile.tempdir = before
            subprocess.run(["/bin/umount", "--lazy", place], check=True)


@contextmanager
def ballast(place: Path, left: int) -> Iterator[None]:
    """Leave so many bytes free."""
    free = os.statvfs(place)
    weight = place / "ballast"
    with weight.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize - left)
    try:
        yield
    finally:
        weight.unlink()


class Writing:
    """Writes documents, and remembers which were acknowledged."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._numbers = itertools.count()
        self.there: set[str] = set()
        self.refused: set[str] = set()
        self.answers: Counter[str] = Counter()

    async def write(self) -> int:
        """Write one large document."""
        name = f"document {next(self._numbers)}"
        body = {"id": name, "title": name, "content": os.urandom(60_000).hex(" "), "embedding": NEAR}
        answer = await self._http.post("/documents", json={"documents": [body]})
        self.answers[f"{answer.status_code} {answer.json().get('code', '')}".strip()] += 1
        (self.there if answer.is_success else self.refused).add(name)
        return answer.status_code

    async def until_refused(self, most: int = 5_000) -> int:
        """Write until something is refused; return how."""
        for _ in range(most):
            if (status := await self.write()) != httpx.codes.OK:
                return status
        raise AssertionError(f"{most} documents found room")

    async def check(self) -> None:
        """What was acknowledged is there; what was refused for want of room is not."""
        lines = (await self._http.get("/documents", params={"ndjson": "true"})).text.splitlines()
        stored = {orjson.loads(line)["id"] for line in lines} - {"a"}
        assert stored >= self.there, f"lost: {self.there - stored}"
        assert stored <= self.there | self.refused


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Cluster, httpx.AsyncClient]]:
    """Serve from a PostgreSQL on the small disk; the service outlives all that comes."""
    async with (
        cluster(settings=SMALL) as database,
        service(database.dsn) as process,
        httpx.AsyncClient(base_url=process.url, timeout=60) as http,
    ):
        await recovered(http)
        yield database, http
        assert process.process is not None
        assert process.process.returncode is None


async def tables_cannot_grow(place: Path, http: httpx.AsyncClient) -> None:
    """Writes are refused with 507, searches go on, and writes are taken as soon as there is room."""
    writing = Writing(http)
    for _ in range(40):
        await writing.write()
    with ballast(place, left=256 * 1024):
        status = await writing.until_refused()
        assert status == httpx.codes.INSUFFICIENT_STORAGE, writing.answers
        found = await search(http)
        assert found.status_code == httpx.codes.OK, found.text
        assert (await http.get("/health")).is_success
    seconds = await recovered(http)
    assert seconds < RECOVERY_SECONDS
    await writing.check()
    print(f"tables full: {dict(writing.answers)}; back {seconds:.2f} s after there was room")  # noqa: T201  a script says what it found


async def nothing_can_grow(place: Path, database: Cluster, http: httpx.AsyncClient) -> None:
    """The log neither: PostgreSQL ends itself; nothing acknowledged is lost, and all is well once there is room."""
    boosts, statuses = [0], Counter[str]()
    with ballast(place, left=64 * 1024):
        for boost in range(1, 100):
            change = {"document_ids": ["a"], "boost": boost}
            answer = await http.patch("/documents", json={"updates": [change]})
            statuses[f"{answer.status_code} {answer.json().get('code', '')}".strip()] += 1
            assert answer.status_code in CLEAR, answer.text
            if not answer.is_success:
                boosts.append(boost)  # it may have been done
                break
            boosts = [boost]
            with suppress(asyncpg.PostgresError, OSError):
                await next_segment(database.dsn)
        else:
            raise AssertionError(f"the log found room: {statuses}")
        assert (await http.get("/health")).is_success
        assert (await search(http)).status_code in CLEAR
    await database.start()

    async def shown() -> bool:
        return (await http.get("/documents/a")).is_success

    await until(shown)
    assert (await http.get("/documents/a")).json()["boost"] in boosts
    seconds = await recovered(http)
    assert seconds < RECOVERY_SECONDS
    print(f"log full: {dict(statuses)}; back {seconds:.2f} s after PostgreSQL was there")  # noqa: T201  as above


async def next_segment(dsn: str) -> None:
    """Let the log go on in its next file."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        await connection.execute("SELECT pg_switch_wal()")
    finally:
        connection.terminate()


async def main() -> None:
    """Fill the disk twice."""
    with small_disk() as place:
        async with serving() as (database, http):
            await tables_cannot_grow(place, http)
            await nothing_can_grow(place, database, http)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
