"""What begins a model change."""

from typing import Any

from onyx.db.models import SearchSettings
from onyx.document_index.factory import get_all_document_indices


def set_new_search_settings(present: SearchSettings, future: SearchSettings) -> list[Any]:
    indices = get_all_document_indices(present, future)
    for index in indices:
        index.verify_and_create_index_if_necessary(present.model_dim, present.embedding_precision)
    return indices
