"""The composition root: settings in, application out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline

from app.api import access, bulk, chunks, console, documents, indexes, operations, search, tokens, uploads
from app.api.authorisation import Admission, authorise
from app.api.dependencies import Services
from app.api.direct import Call, DirectCalls, Handler
from app.api.long_lists import LongLists
from app.api.middleware import RequestMiddleware
from app.api.openapi import install_openapi
from app.api.problems import install_problem_handlers
from app.api.tracing import TracingMiddleware
from app.domain.rates import RateLimiter
from app.embedding.client import EmbeddingClient
from app.identity.oidc import OidcOptions, OidcVerifier
from app.key_settings import configured_keys
from app.observability.logging import configure_logging
from app.observability.tracing import Tracing
from app.services.access import AccessResolver
from app.services.admission import Bounds, Gate, Gates, eased
from app.services.authentication import Authenticator
from app.services.catalog import IndexCatalog
from app.services.explaining import AccessExplainer
from app.services.indexing import IndexingService
from app.services.interpreting import QueryInterpreter
from app.services.keys import KeyRing
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.services.planning import NearestPlanner
from app.services.ranked import RankedSearch
from app.services.readiness import ReadinessService
from app.services.reading import ReadingService
from app.services.recall import RecallService
from app.services.reporting import IndexReporter
from app.services.routing import ReadRouter
from app.services.searching import SearchService
from app.services.startup import PUBLIC_TENANT, Startup
from app.services.statistics import IndexStatistics
from app.services.tokens import SearchTokens
from app.services.uploads import UploadService
from app.services.warming import WarmUp
from app.settings import Settings, database_dsn
from app.storage.access import AccessRepository
from app.storage.chunks import ChunkRepository
from app.storage.database import Database
from app.storage.documents import DocumentRepository
from app.storage.hosts import split_hosts
from app.storage.indexes import IndexRepository
from app.storage.keys import KeyRepository
from app.storage.operations import OperationsRepository
from app.storage.pools import PoolOptions
from app.storage.replicas import ReplicaOptions
from app.storage.search import SearchRepository
from app.storage.slow_queries import SlowQueryOptions
from app.storage.terms import TermsRepository

log = structlog.get_logger()

VERSION = "0.1.0"

_DIRECT: dict[Call, Handler] = {
    ("POST", "/search"): search.search_directly,
    ("POST", "/documents"): documents.post_directly,
    ("PATCH", "/documents"): documents.patch_directly,
}

_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI looks for OpenTelemetry at every request; what there is to tell, `Tracing` and our own metrics tell."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; nothing is connected before it starts.

    A function rather than a module-level instance, so that tests and several workers each have their own.
    """
    settings = settings or Settings()
    configure_logging(settings.log_level, settings.log_format)
    database = _database(settings)
    embedder = _embedder(settings)
    ring = KeyRing(configured_keys(settings.api_keys), KeyRepository(database))
    oidc = _oidc(settings)
    search_tokens = SearchTokens([secret.get_secret_value() for secret in settings.token_secrets])
    authenticator = Authenticator(ring, search_tokens, oidc, allow_anonymous=settings.allow_anonymous)
    services = _services(settings, database, embedder, search_tokens)
    startup = _startup(settings, database, services)
    tracing = Tracing(VERSION) if settings.otlp_endpoint else None
    maintainer = Maintainer(database, IndexRepository(database), _maintenance_options(settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        await startup.first_try()
        always = (startup, maintainer, services.reporter, services.router)
        tasks = [asyncio.create_task(work.run()) for work in always]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await ring.close()
            await database.close()
            if oidc is not None:
                await oidc.close()
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
        telemetry=_NO_TELEMETRY,
    )
    app.state.services = services
    app.state.admission = Admission(authenticator, RateLimiter(settings.rate_limit, settings.rate_burst))
    app.state.default_index = settings.default_index
    app.state.max_body_bytes = settings.max_body_bytes
    app.state.long_lists = LongLists()
    guarded = APIRouter(dependencies=[Depends(authorise)])
    for module in (search, bulk, documents, chunks, uploads, indexes, tokens, access):  # the busiest are matched first
        guarded.include_router(module.router)
    app.include_router(guarded)
    app.include_router(operations.router)
    app.include_router(console.router)
    app.add_middleware(DirectCalls, handlers=_DIRECT)
    app.add_middleware(RequestMiddleware, max_concurrent=settings.max_concurrent_requests, gates=services.gates)
    if tracing is not None:
        app.add_middleware(TracingMiddleware, tracing=tracing)
    install_problem_handlers(app)
    install_openapi(app)
    return app


def _database(settings: Settings) -> Database:
    where = settings.search_database_url
    return Database(
        database_dsn(settings),
        PoolOptions(
            search_connections=settings.search_connections,
            write_connections=settings.write_connections,
            acquire_timeout=settings.pool_timeout,
            statement_timeout=settings.statement_timeout,
            ef_search=settings.ef_search,
            slow_queries=SlowQueryOptions(settings.slow_query_seconds, settings.slow_query_plan),
            replicas=None if where is None else ReplicaOptions(where.get_secret_value(), settings.max_replica_lag),
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


def _oidc(settings: Settings) -> OidcVerifier | None:
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    return OidcVerifier(
        OidcOptions(
            settings.oidc_issuer,
            settings.oidc_audience,
            settings.oidc_algorithms,
            settings.oidc_jwks_url,
            settings.oidc_scopes_claim,
            settings.oidc_tenants_claim,
        )
    )


def _services(
    settings: Settings, database: Database, embedder: EmbeddingClient | None, search_tokens: SearchTokens
) -> Services:
    catalog = IndexCatalog(database, IndexRepository(database), settings.default_index)
    resolver = AccessResolver(AccessRepository(database), catalog)
    gates = _gates(settings)
    documents, chunks = DocumentRepository(database), ChunkRepository(database)
    reading = ReadingService(database, catalog, resolver, documents, chunks, gates.searches)
    indexing = IndexingService(database, catalog, embedder, gates.writes)
    search, recall = search_services(database, catalog, resolver, embedder, settings.ef_search, gates.searches)
    return Services(
        catalog=catalog,
        indexing=indexing,
        uploads=UploadService(database, catalog, indexing),
        reading=reading,
        search=search,
        recall=recall,
        readiness=ReadinessService(OperationsRepository(database)),
        router=ReadRouter(database),
        reporter=IndexReporter(OperationsRepository(database), IndexRepository(database), settings.ef_search),
        tokens=search_tokens,
        explaining=AccessExplainer(reading),
        gates=gates,
    )


def _gates(settings: Settings) -> Gates:
    """One write connection is kept for what reads before it writes; searches have as many on each server."""
    where = settings.search_database_url
    servers = 1 if where is None else len(split_hosts(where.get_secret_value()))
    searching, writing = servers * settings.search_connections, settings.write_connections - 1
    found, written = settings.max_waiting_searches, settings.max_waiting_writes
    searches = Gate("searches", Bounds(searching, found), eased(searching, found), patience=settings.pool_timeout)
    writes = Gate(
        "writes",
        Bounds(writing, written),
        eased(writing, written),
        yields_to=searches,
        patience=settings.statement_timeout,
    )
    return Gates(searches, writes)


def search_services(
    database: Database,
    catalog: IndexCatalog,
    access: AccessResolver,
    embedder: EmbeddingClient | None,
    ef_search: int,
    gate: Gate,
) -> tuple[SearchService, RecallService]:
    """Put search together, and what measures it; commands search as the service does."""
    terms = TermsRepository(database)
    statistics = IndexStatistics(terms)
    planner = NearestPlanner(catalog, statistics, ef_search)
    ranked = RankedSearch(database, access, statistics, QueryInterpreter(statistics, terms), planner)
    repository = SearchRepository(database)
    search = SearchService(catalog, access, repository, ranked, planner, embedder, gate)
    return search, RecallService(catalog, access, repository, planner, OperationsRepository(database))


def _startup(settings: Settings, database: Database, services: Services) -> Startup:
    warm_up = WarmUp(database, services.catalog, services.search, PUBLIC_TENANT)
    return Startup(
        services.readiness,
        services.catalog,
        default_index=settings.default_index,
        default_dimension=settings.default_dimension,
        warm_up=warm_up.run if settings.warm_up else None,
    )


def _maintenance_options(settings: Settings) -> MaintenanceOptions:
    return MaintenanceOptions(
        interval=settings.maintenance_interval,
        ann_threshold=settings.ann_threshold,
        m=settings.ann_m,
        ef_construction=settings.ann_ef_construction,
        answers_live=timedelta(seconds=settings.idempotency_seconds),
        tombstones_live=timedelta(seconds=settings.tombstone_seconds),
    )
