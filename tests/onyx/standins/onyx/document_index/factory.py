"""Where Onyx's callers get their index from."""

from typing import Any

from onyx.db.models import SearchSettings

DISABLE_VECTOR_DB = False


def get_default_document_index(
    search_settings: SearchSettings,
    secondary_search_settings: SearchSettings | None,
    db_session: Any,
    httpx_client: Any = None,
) -> str:
    return f"previous engine of {search_settings.index_name}"


def get_all_document_indices(
    search_settings: SearchSettings,
    secondary_search_settings: SearchSettings | None,
    httpx_client: Any = None,
    primary_backfill_in_progress: bool = False,
) -> list[Any]:
    return [f"previous engine of {search_settings.index_name}"]


def build_opensearch_document_index(search_settings: SearchSettings) -> str:
    return f"previous engine of {search_settings.index_name}"
