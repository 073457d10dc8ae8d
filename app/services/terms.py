"""What the terms of an index are made by."""

from functools import lru_cache

from app.domain.indexes import Index
from app.text.tokeniser import Tokeniser


@lru_cache(maxsize=64)
def tokeniser_for(language: str) -> Tokeniser:
    """Return the tokeniser of a language, which remembers the words it has seen."""
    return Tokeniser(language)


def tokeniser_name(index: Index) -> str:
    """Name what the terms of an index are made by; chunks indexed under another name are tokenised anew."""
    return f"{index.language}/{index.tokeniser_version}"
