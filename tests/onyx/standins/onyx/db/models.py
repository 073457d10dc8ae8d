"""Rows of Onyx's database."""

from dataclasses import dataclass

from onyx.db.enums import EmbeddingPrecision


@dataclass
class SearchSettings:
    """One embedding model and its index."""

    index_name: str
    model_dim: int
    embedding_precision: EmbeddingPrecision = EmbeddingPrecision.FLOAT
