"""What commands work with, put together as app/main.py does for requests."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import uvloop

from app import embedded
from app.domain.imports import ImportStoppedError
from app.main import search_services
from app.observability.logging import configure_logging
from app.services.access import AccessResolver
from app.services.admission import Bounds, Gate
from app.services.catalog import IndexCatalog
from app.services.importing import ImportService
from app.services.indexing import IndexingService
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.services.reading import ReadingService
from app.services.recall import RecallService
from app.services.searching import SearchService
from app.services.verifying import VerificationService
from app.settings import Settings, database_dsn
from app.storage import migrations
from app.storage.access import AccessRepository
from app.storage.chunks import ChunkRepository
from app.storage.database import Database
from app.storage.documents import DocumentRepository
from app.storage.indexes import IndexRepository
from app.storage.pools import PoolOptions

T = TypeVar("T")

_ACQUIRE_SECONDS = 120.0
_STATEMENT_SECONDS = 300.0
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Services on an open database."""

    database: Database
    catalog: IndexCatalog
    indexing: IndexingService
    imports: ImportService
    reading: ReadingService
    search: SearchService
    recall: RecallService
    verification: VerificationService
    maintainer: Maintainer


@contextmanager
def named_database(settings: Settings) -> Iterator[str]:
    """Find the database that is named, or start the embedded one."""
    if not settings.wants_embedded:
        yield database_dsn(settings)
        return
    with embedded.start(settings.data_dir, version=settings.embedded_version) as server:
        migrations.upgrade(server.dsn())
        yield server.dsn()


@asynccontextmanager
async def open_toolbox(settings: Settings, dsn: str, *, writers: int = 2) -> AsyncIterator[Toolbox]:
    """Connect, for one command: it waits longer than a request would."""
    options = PoolOptions(
        search_connections=4,
        write_connections=max(2, writers),
        acquire_timeout=_ACQUIRE_SECONDS,
        statement_timeout=max(settings.statement_timeout, _STATEMENT_SECONDS),
        ef_search=settings.ef_search,
    )
    database = Database(dsn, options)
    await database.open()
    try:
        yield _toolbox(settings, database)
    finally:
        await database.close()


def run_command(work: Callable[[Settings, str], Awaitable[T]]) -> T:
    """Run a command's coroutine on its database; SIGTERM ends it as Ctrl-C does."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)

    async def interruptible(dsn: str) -> T:
        task = asyncio.current_task()
        if task is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work(settings, dsn)

    with named_database(settings) as dsn:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(interruptible(dsn))
        except asyncio.CancelledError:
            raise ImportStoppedError("Interrupted. What was written stays; repeat the command to go on.") from None


def _toolbox(settings: Settings, database: Database) -> Toolbox:
    indexes = IndexRepository(database)
    catalog = IndexCatalog(database, indexes, settings.default_index)
    access = AccessResolver(AccessRepository(database), catalog)
    indexing = IndexingService(database, catalog, None)
    gate = Gate("searches", Bounds(settings.search_connections, _MOST_WAITING), patience=_ACQUIRE_SECONDS)
    search, recall = search_services(database, catalog, access, None, settings.ef_search, gate)
    documents, chunks = DocumentRepository(database), ChunkRepository(database)
    maintenance = MaintenanceOptions(
        ann_threshold=settings.ann_threshold, m=settings.ann_m, ef_construction=settings.ann_ef_construction
    )
    return Toolbox(
        database=database,
        catalog=catalog,
        indexing=indexing,
        imports=ImportService(database, indexing),
        reading=ReadingService(database, catalog, access, documents, chunks, gate),
        search=search,
        recall=recall,
        verification=VerificationService(documents, chunks),
        maintainer=Maintainer(database, indexes, maintenance),
    )
