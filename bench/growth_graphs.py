"""Building the graphs of `bench.growth`, full and bit-quantised, and what that takes."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import psutil

from app import embedded
from app.domain.indexes import Index
from app.domain.quantisation import Quantisation
from app.services.maintenance import MaintenanceOptions
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository

TENANT = "public"


@dataclass
class Worked:
    """Processor seconds of a backend and of its parallel workers, which come and go."""

    backend: int
    _first: dict[int, int] = field(default_factory=dict)
    _last: dict[int, int] = field(default_factory=dict)

    def look(self) -> None:
        """Take down how long each of them has run; workers are new, and count from their beginning."""
        for process in psutil.Process(self.backend).parent().children():
            with suppress(OSError, psutil.Error):  # it ended meanwhile
                if process.pid != self.backend and f"for PID {self.backend}" not in " ".join(process.cmdline()):
                    continue
                text = Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii")
                self._last[process.pid] = int(text.split()[0])
                self._first.setdefault(process.pid, self._last[process.pid] if process.pid == self.backend else 0)

    @property
    def seconds(self) -> float:
        """What was used since the first look, up to the last one."""
        return sum(last - self._first[process_id] for process_id, last in self._last.items()) / 1e9


@contextmanager
def watched(backend: int) -> Iterator[Worked]:
    """Look four times a second for as long as the block runs."""
    worked = Worked(backend)
    worked.look()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            worked.look()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield worked
    finally:
        over.set()
        watching.join()
        worked.look()


async def find(database: Database, names: Sequence[str]) -> list[Index]:
    """Return the indexes of some names."""
    found = [await IndexRepository(database).find(TENANT, name) for name in names]
    return [index for index in found if index is not None]


def build(folder: Path, name: str, quantisation: Quantisation) -> dict[str, float]:
    """Build one graph as the maintainer does; return the seconds it took by the clock and by the processor."""
    with embedded.start(folder / "postgres", version=18) as server:
        return asyncio.run(_build(server.dsn(), name, quantisation))


async def _build(dsn: str, name: str, quantisation: Quantisation) -> dict[str, float]:
    database = Database(dsn)
    await database.open()
    try:
        options = MaintenanceOptions()
        async with database.transaction() as session:
            (index,) = await find(database, [name])
            index = await IndexRepository(database).set_quantisation(session, index, quantisation)
        async with database.dedicated_session() as session:
            backend = await session._connection.fetchval("SELECT pg_backend_pid()")  # noqa: SLF001  it is watched
            with watched(backend) as worked:
                started = perf_counter()
                await MaintenanceRepository(session).build_ann(index, options.m, options.ef_construction)
                seconds = perf_counter() - started
        return {"seconds": round(seconds, 1), "processor_seconds": round(worked.seconds, 1)}
    finally:
        await database.close()


async def are_measured(dsn: str, names: Sequence[str]) -> bool:
    """Whether the maintainer has measured the graphs of all indexes, so that searches know how thorough to be."""
    database = Database(dsn)
    await database.open()
    try:
        return all(index.measured(index.quantisation) for index in await find(database, names))
    finally:
        await database.close()
