"""A PostgreSQL of a test's own, to be killed and stopped."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Literal

import asyncpg

from app import embedded
from app.storage import migrations


class Cluster:
    """An embedded server over all its lives, always on the same port."""

    def __init__(self, folder: Path, *, durable: bool, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._durable = durable
        self._settings = settings
        self.server: embedded.EmbeddedServer | None = None

    async def start(self) -> None:
        """Start it, or wait until it is ready."""
        self.server = await asyncio.to_thread(
            embedded.start, self.folder, memory_bytes=2**30, durable=self._durable, settings=self._settings
        )

    @property
    def dsn(self) -> str:
        """The address of its database."""
        assert self.server is not None
        return self.server.dsn()

    async def migrate(self) -> None:
        """Make the schema."""
        await asyncio.to_thread(migrations.upgrade, self.dsn)

    def kill(self) -> None:
        """SIGKILL the postmaster."""
        pid = int((self.folder / "cluster" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        os.kill(pid, signal.SIGKILL)

    async def kill_a_backend(self) -> bool:
        """SIGKILL one process of a service's: PostgreSQL ends them all, and recovers; False if there was none."""
        with suppress(OSError, asyncpg.PostgresError):
            connection = await asyncpg.connect(self.dsn, timeout=5)
            pid = await connection.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'onyx-vector-search%' "
                "ORDER BY (state = 'active') DESC, random() LIMIT 1"
            )
            connection.terminate()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    async def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it in an orderly way."""
        assert self.server is not None
        await asyncio.to_thread(self.server.stop, mode)

    async def until_back(self, seconds: float = 60) -> None:
        """Wait until it lets people in."""
        deadline = monotonic() + seconds
        while True:
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                if monotonic() > deadline:
                    raise
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return


@asynccontextmanager
async def cluster(
    *, durable: bool = True, settings: dict[str, str] | None = None, migrated: bool = True
) -> AsyncIterator[Cluster]:
    """Start a server, as a rule with a migrated database; nothing is left of it in the end."""
    place = _folder()
    own = Cluster(place / "postgres", durable=durable, settings=settings)
    await own.start()
    try:
        if migrated:
            await own.migrate()
        yield own
    finally:
        left = await asyncio.to_thread(embedded.find_running, own.folder)
        if left is not None:
            await asyncio.to_thread(left.stop)
        if own.server is not None:
            await asyncio.to_thread(own.server.stop)
        shutil.rmtree(place, ignore_errors=True)


def _folder() -> Path:
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    place.chmod(0o755)  # for the account that PostgreSQL runs under
    return place
