"""Onyx's document index on this service. Importing this package needs Onyx's backend on the path."""

from onyx_vector_search.adapter.index import PgVectorDocumentIndex
from onyx_vector_search.adapter.pair import PgVectorIndexPair
from onyx_vector_search.adapter.port import PgVectorChunkReader

__all__ = ["PgVectorChunkReader", "PgVectorDocumentIndex", "PgVectorIndexPair"]
