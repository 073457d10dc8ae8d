"""What moves chunks at a model change."""

from typing import Any

from onyx.db.models import SearchSettings
from onyx.document_index.factory import build_opensearch_document_index
from onyx.document_index.opensearch.client import OpenSearchIndexClient


class PortCopier:
    """Holds where chunks come from and go."""

    def __init__(self, present: SearchSettings, future: SearchSettings) -> None:
        self.present: Any = OpenSearchIndexClient(index_name=present.index_name)
        self.future: Any = build_opensearch_document_index(future)
