"""Kinds of queries."""

from enum import StrEnum


class QueryType(StrEnum):
    """What a query leans on."""

    KEYWORD = "keyword"
    SEMANTIC = "semantic"
