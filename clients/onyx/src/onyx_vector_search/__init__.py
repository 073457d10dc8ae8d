"""Client of Onyx Vector Search: `Client`, `AsyncClient`, and in `adapter` the DocumentIndex for Onyx.

The names here need httpx and pydantic only. `adapter` and `plugin` need Onyx's backend on the path.
"""

from onyx_vector_search.aio import AsyncClient
from onyx_vector_search.client import Client
from onyx_vector_search.errors import (
    DocumentMissingError,
    DocumentNotFoundError,
    IndexMismatchError,
    IndexNotFoundError,
    ReadOnlyError,
    RequestRefusedError,
    ServiceFailedError,
    ServiceUnavailableError,
    StorageFullError,
    UploadNotFoundError,
    VectorSearchError,
)
from onyx_vector_search.patience import Patience
from onyx_vector_search.transport import Options
from onyx_vector_search.writing import DuplicateDocumentError

__all__ = [
    "AsyncClient",
    "Client",
    "DocumentMissingError",
    "DocumentNotFoundError",
    "DuplicateDocumentError",
    "IndexMismatchError",
    "IndexNotFoundError",
    "Options",
    "Patience",
    "ReadOnlyError",
    "RequestRefusedError",
    "ServiceFailedError",
    "ServiceUnavailableError",
    "StorageFullError",
    "UploadNotFoundError",
    "VectorSearchError",
]
