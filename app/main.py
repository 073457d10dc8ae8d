"""The composition root: settings in, application out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline

from app.api import bulk, chunks, documents, indexes, operations, search, uploads
from app.api.dependencies import Services, require_key
from app.api.middleware import RequestMiddleware
from app.api.openapi import install_openapi
from app.api.problems import install_problem_handlers
from app.api.tracing import TracingMiddleware
from app.embedding.client import EmbeddingClient
from app.observability.logging import configure_logging
from app.observability.tracing import Tracing
from app.services.access import AccessResolver
from app.services.admission import WriteGate
from app.services.catalog import IndexCatalog
from app.services.indexing import IndexingService
from app.services.interpreting import QueryInterpreter
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.services.ranked import RankedSearch
from app.services.readiness import ReadinessService
from app.services.reading import ReadingService
from app.services.reporting import IndexReporter
from app.services.searching import SearchService
from app.services.startup import Startup
from app.services.statistics import IndexStatistics
from app.services.uploads import UploadService
from app.settings import Settings, database_dsn
from app.storage.access import AccessRepository
from app.storage.chunks import ChunkRepository
from app.storage.database import Database, PoolOptions
from app.storage.documents import DocumentRepository
from app.storage.indexes import IndexRepository
from app.storage.operations import OperationsRepository
from app.storage.search import SearchRepository
from app.storage.slow_queries import SlowQueryOptions
from app.storage.terms import TermsRepository

log = structlog.get_logger()

VERSION = "0.1.0"


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; nothing is connected before it starts.

    A function rather than a module-level instance, so that tests and several workers each have their own.
    """
    settings = settings or Settings()
    configure_logging(settings.log_level, settings.log_format)
    database = _database(settings)
    embedder = _embedder(settings)
    services = _services(settings, database, embedder)
    startup = _startup(settings, services)
    tracing = Tracing(VERSION) if settings.otlp_endpoint else None
    maintainer = Maintainer(database, IndexRepository(database), _maintenance_options(settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        await startup.first_try()
        tasks = [asyncio.create_task(work.run()) for work in (startup, maintainer, services.reporter)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await database.close()
            if embedder is not None:
                await embedder.close()
            if tracing is not None:
                await asyncio.to_thread(tracing.close)

    app = FastAPIOffline(
        title="Onyx Vector Search",
        version=VERSION,
        description="The document index of Onyx on PostgreSQL and pgvector.",
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    app.state.api_keys = tuple(key.get_secret_value() for key in settings.api_keys)
    app.state.max_body_bytes = settings.max_body_bytes
    guarded = APIRouter(dependencies=[Depends(require_key)])
    for module in (search, bulk, documents, chunks, uploads, indexes):  # the busiest are matched first
        guarded.include_router(module.router)
    app.include_router(guarded)
    app.include_router(operations.router)
    app.add_middleware(RequestMiddleware, max_concurrent=settings.max_concurrent_requests)
    if tracing is not None:
        app.add_middleware(TracingMiddleware, tracing=tracing)
    install_problem_handlers(app)
    install_openapi(app)
    return app


def _database(settings: Settings) -> Database:
    return Database(
        database_dsn(settings),
        PoolOptions(
            search_connections=settings.search_connections,
            write_connections=settings.write_connections,
            acquire_timeout=settings.pool_timeout,
            statement_timeout=settings.statement_timeout,
            ef_search=settings.ef_search,
            slow_queries=SlowQueryOptions(settings.slow_query_seconds, settings.slow_query_plan),
        ),
    )


def _embedder(settings: Settings) -> EmbeddingClient | None:
    if settings.embedding_api_base is None:
        return None
    key = settings.embedding_api_key
    return EmbeddingClient(
        settings.embedding_api_base,
        settings.embedding_model,
        None if key is None else key.get_secret_value(),
        timeout=settings.embedding_timeout,
    )


def _services(settings: Settings, database: Database, embedder: EmbeddingClient | None) -> Services:
    catalog = IndexCatalog(database, IndexRepository(database), settings.default_index)
    access = AccessResolver(AccessRepository(database))
    indexing = IndexingService(
        database, catalog, embedder, WriteGate(settings.write_connections - 1, settings.max_waiting_writes)
    )
    return Services(
        catalog=catalog,
        indexing=indexing,
        uploads=UploadService(database, catalog, indexing),
        reading=ReadingService(catalog, access, DocumentRepository(database), ChunkRepository(database)),
        search=search_service(database, catalog, access, embedder),
        readiness=ReadinessService(OperationsRepository(database)),
        reporter=IndexReporter(OperationsRepository(database), IndexRepository(database)),
    )


def search_service(
    database: Database, catalog: IndexCatalog, access: AccessResolver, embedder: EmbeddingClient | None
) -> SearchService:
    """Put search together; commands search as the service does."""
    terms = TermsRepository(database)
    statistics = IndexStatistics(terms)
    ranked = RankedSearch(database, catalog, access, statistics, QueryInterpreter(statistics, terms))
    return SearchService(catalog, access, SearchRepository(database), ranked, embedder)


def _startup(settings: Settings, services: Services) -> Startup:
    return Startup(
        services.readiness,
        services.catalog,
        default_index=settings.default_index,
        default_dimension=settings.default_dimension,
    )


def _maintenance_options(settings: Settings) -> MaintenanceOptions:
    return MaintenanceOptions(
        interval=settings.maintenance_interval,
        ann_threshold=settings.ann_threshold,
        m=settings.ann_m,
        ef_construction=settings.ann_ef_construction,
        answers_live=timedelta(seconds=settings.idempotency_seconds),
    )
