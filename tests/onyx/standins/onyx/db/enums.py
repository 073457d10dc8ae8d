"""Enumerations of Onyx's database."""

from enum import StrEnum


class EmbeddingPrecision(StrEnum):
    """How vectors are to be stored."""

    BFLOAT16 = "bfloat16"
    FLOAT = "float"
