"""The change to Onyx, module by module: the code form of the change set in docs/onyx.md.

Each patch first makes sure that what it replaces is what it knows. An Onyx that differs stops at its start,
rather than to write to the wrong engine in silence.
"""

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from onyx_vector_search.plugin.connection import settings, wait_until_ready

Patch = Callable[[ModuleType], None]


class IncompatibleOnyxError(RuntimeError):
    """Another version of Onyx than the plugin was made for."""


def patch_factory(module: ModuleType) -> None:
    """Give out this index for reading, and for writing alone or after the previous one."""
    given = settings()
    default = _function(
        module,
        "get_default_document_index",
        ("search_settings", "secondary_search_settings", "db_session", "httpx_client"),
    )
    every = _function(
        module,
        "get_all_document_indices",
        ("search_settings", "secondary_search_settings", "httpx_client", "primary_backfill_in_progress"),
    )

    def get_default_document_index(
        search_settings: Any,  # noqa: ANN401  a row of Onyx's database
        secondary_search_settings: Any,  # noqa: ANN401
        db_session: Any,  # noqa: ANN401
        httpx_client: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        if module.DISABLE_VECTOR_DB or given.reads == "previous":
            return default(search_settings, secondary_search_settings, db_session, httpx_client)
        return _factory().build_pair(search_settings, secondary_search_settings)

    def get_all_document_indices(
        search_settings: Any,  # noqa: ANN401
        secondary_search_settings: Any,  # noqa: ANN401
        httpx_client: Any = None,  # noqa: ANN401
        primary_backfill_in_progress: bool = False,  # noqa: FBT001, FBT002  Onyx's signature
        *,
        secondary_is_new: bool = False,
    ) -> list[Any]:
        previous: list[Any] = []
        if module.DISABLE_VECTOR_DB or given.dual_write:
            previous = every(search_settings, secondary_search_settings, httpx_client, primary_backfill_in_progress)
        if module.DISABLE_VECTOR_DB:
            return previous
        pair = _factory().build_pair(
            search_settings,
            secondary_search_settings,
            primary_backfill_in_progress=primary_backfill_in_progress,
            secondary_is_new=secondary_is_new,
        )
        return [*previous, pair]

    _replace(module, get_default_document_index, get_all_document_indices)


def patch_search_settings(module: ModuleType) -> None:
    """Begin a model change with an empty index: an earlier use of its name may have left rows."""
    every = _function(module, "get_all_document_indices", None)
    _function(module, "set_new_search_settings", None)

    def get_all_document_indices(*args: Any, **named: Any) -> list[Any]:  # noqa: ANN401
        indices: list[Any] = every(*args, **named, secondary_is_new=True)
        return indices

    _replace(module, get_all_document_indices)


def patch_port_copy(module: ModuleType) -> None:
    """Let a model change read and write this index."""
    _class(module, "OpenSearchIndexClient", ("index_name",))
    previous = _function(module, "build_opensearch_document_index", ("search_settings",))

    def build_opensearch_document_index(search_settings: Any) -> Any:  # noqa: ANN401
        writer = _factory().build_index(search_settings).writer
        return _factory().BothWriters(previous(search_settings), writer) if settings().dual_write else writer

    _replace(module, build_opensearch_document_index)
    if settings().reads == "pgvector":
        setattr(module, "OpenSearchIndexClient", _factory().build_reader)  # noqa: B010  a module has no such type


def patch_worker_start(module: ModuleType) -> None:
    """Let workers wait for this service, after the previous engine if that is kept."""
    previous = _function(module, "wait_for_document_index_or_shutdown", ())
    shutdown: type[Exception] = module.WorkerShutdown

    def wait_for_document_index_or_shutdown() -> None:
        if module.DISABLE_VECTOR_DB or settings().dual_write:
            previous()
        if not module.DISABLE_VECTOR_DB and not wait_until_ready():
            raise shutdown("[pgvector] The vector search service was not ready in time. Exiting...")

    _replace(module, wait_for_document_index_or_shutdown)


def patch_setup(module: ModuleType) -> None:
    """Set nothing up for many tenants: their indexes are made at their first write."""
    previous = _function(module, "setup_multitenant_onyx", ())

    def setup_multitenant_onyx() -> None:
        if module.DISABLE_VECTOR_DB or settings().dual_write:
            previous()
        if not module.DISABLE_VECTOR_DB and not wait_until_ready():
            raise RuntimeError("Failed to connect to the vector search service.")

    _replace(module, setup_multitenant_onyx)


def patch_reclaim(module: ModuleType) -> None:
    """Drop the index of a model no longer in use. A tenant's index is its own, so it is dropped at once."""
    previous = _function(module, "reclaim_index_data", ("index_name", "tenant_state"))

    def reclaim_index_data(index_name: str, tenant_state: Any) -> Any:  # noqa: ANN401
        _factory().drop_index(index_name, tenant_state)
        return previous(index_name, tenant_state) if settings().dual_write else module.ReclaimOutcome.COMPLETE

    _replace(module, reclaim_index_data)


PATCHES: Mapping[str, Patch] = {
    "onyx.document_index.factory": patch_factory,
    "onyx.document_index.opensearch.port_copy": patch_port_copy,
    "onyx.document_index.opensearch.index_reclaim": patch_reclaim,
    "onyx.background.celery.apps.app_base": patch_worker_start,
    "onyx.server.manage.search_settings": patch_search_settings,
    "onyx.setup": patch_setup,
}


def _factory() -> Any:  # noqa: ANN401  a module
    """Import what needs Onyx only once Onyx is there."""
    from onyx_vector_search.plugin import factory  # noqa: PLC0415  as said

    return factory


def _function(module: ModuleType, name: str, parameters: tuple[str, ...] | None) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if not inspect.isfunction(found):
        raise IncompatibleOnyxError(f"{module.__name__}.{name} is not there; this plugin needs another Onyx.")
    given = tuple(inspect.signature(found).parameters)
    if parameters is not None and given != parameters:
        raise IncompatibleOnyxError(f"{module.__name__}.{name} takes {given}, not {parameters}.")
    return found


def _class(module: ModuleType, name: str, parameters: tuple[str, ...]) -> None:
    found = getattr(module, name, None)
    if not inspect.isclass(found) or not set(parameters) <= set(inspect.signature(found).parameters):
        raise IncompatibleOnyxError(f"{module.__name__}.{name} is not a class made with {parameters}.")


def _replace(module: ModuleType, *functions: Callable[..., Any]) -> None:
    for function in functions:
        setattr(module, function.__name__, function)
