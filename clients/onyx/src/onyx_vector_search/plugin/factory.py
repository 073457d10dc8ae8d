"""Onyx's factory functions, giving out this index, or both while a cut-over is under way."""

from contextlib import suppress

from onyx.db.enums import EmbeddingPrecision
from onyx.db.models import SearchSettings
from onyx.document_index.interfaces_new import TenantState
from onyx.document_index.opensearch.schema import DocumentChunk
from onyx.indexing.models import IndexingSetting
from shared_configs.configs import MULTI_TENANT
from shared_configs.contextvars import get_current_tenant_id

from onyx_vector_search.adapter import PgVectorChunkReader, PgVectorDocumentIndex, PgVectorIndexPair
from onyx_vector_search.adapter.port import ChunkWriter
from onyx_vector_search.errors import IndexNotFoundError
from onyx_vector_search.plugin.connection import shared_client


def tenant_state() -> TenantState:
    """Return the tenant Onyx works for at the moment."""
    return TenantState(tenant_id=get_current_tenant_id(), multitenant=MULTI_TENANT)


def build_index(search_settings: SearchSettings) -> PgVectorDocumentIndex:
    """Return the index of one row of search settings."""
    dimension, precision = _shape(search_settings)
    return PgVectorDocumentIndex(tenant_state(), search_settings.index_name, dimension, precision, shared_client())


def build_pair(
    search_settings: SearchSettings,
    secondary_search_settings: SearchSettings | None,
    *,
    primary_backfill_in_progress: bool = False,
    secondary_is_new: bool = False,
) -> PgVectorIndexPair:
    """Return the index in use with the one that is being filled, if any."""
    primary = build_index(search_settings)
    if secondary_search_settings is None:
        return PgVectorIndexPair(primary, None, primary_backfill_in_progress=primary_backfill_in_progress)
    if secondary_is_new and secondary_search_settings.index_name == search_settings.index_name:
        raise ValueError(f"The index in use, {search_settings.index_name}, cannot be made anew.")
    dimension, precision = _shape(secondary_search_settings)
    return PgVectorIndexPair(
        primary,
        build_index(secondary_search_settings),
        dimension,
        precision,
        primary_backfill_in_progress=primary_backfill_in_progress,
        secondary_is_new=secondary_is_new,
    )


def build_reader(index_name: str) -> PgVectorChunkReader:
    """Return what a model change reads from; named as the class it stands for is called."""
    state = tenant_state()
    client = shared_client()
    return PgVectorChunkReader(client.for_tenant(state.tenant_id) if state.multitenant else client, index_name, state)


def drop_index(index_name: str, state: TenantState) -> None:
    """Drop a tenant's index; one that is not there is no error."""
    client = shared_client()
    with suppress(IndexNotFoundError):
        (client.for_tenant(state.tenant_id) if state.multitenant else client).delete_index(index_name)


class BothWriters:
    """Where a model change writes while both engines are kept: the previous one first."""

    def __init__(self, previous: ChunkWriter, new: ChunkWriter) -> None:
        self._writers = (previous, new)

    def index_raw_chunks(self, chunks: list[DocumentChunk], use_create_only: bool = False) -> None:  # noqa: FBT001, FBT002  Onyx's signature
        """Write to both."""
        for writer in self._writers:
            writer.index_raw_chunks(chunks, use_create_only=use_create_only)

    def delete_port_written_chunks(self, document_ids: list[str]) -> int:
        """Delete from both; the count is that of the previous one, as Onyx would have it."""
        previous, _ = [writer.delete_port_written_chunks(document_ids) for writer in self._writers]
        return previous


def _shape(search_settings: SearchSettings) -> tuple[int, EmbeddingPrecision]:
    setting = IndexingSetting.from_db_model(search_settings)
    return setting.final_embedding_dim, setting.embedding_precision
