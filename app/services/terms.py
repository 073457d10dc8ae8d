"""The BM25 rows of chunks."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from app.domain.documents import Chunk, Document
from app.domain.indexes import Index
from app.storage.chunks import TermsRow
from app.storage.codecs import SparseVector
from app.text.bm25 import combine, document_terms, gin_terms
from app.text.tokeniser import Tokeniser

_IN_THREAD_FROM = 50


@lru_cache(maxsize=64)
def tokeniser_for(language: str) -> Tokeniser:
    """Return the tokeniser of a language, which remembers the words it has seen."""
    return Tokeniser(language)


def tokeniser_name(index: Index) -> str:
    """Name what the terms of an index are made by; chunks indexed under another name are tokenised anew."""
    return f"{index.language}/{index.tokeniser_version}"


async def terms_rows(index: Index, average_length: float, chunks: Sequence[tuple[Document, Chunk]]) -> list[TermsRow]:
    """Tokenise chunks with their titles; a large batch does so beside the event loop."""
    if len(chunks) < _IN_THREAD_FROM:
        return _rows(index, average_length, chunks)
    return await asyncio.to_thread(_rows, index, average_length, chunks)


async def mean_length(index: Index, documents: Sequence[Document]) -> float:
    """Return the mean number of terms of some documents' chunks, at least 1."""
    return await asyncio.to_thread(_mean_length, index, documents)


def _mean_length(index: Index, documents: Sequence[Document]) -> float:
    tokeniser = tokeniser_for(index.language)
    lengths = [
        tokeniser.terms(document.title or "").total() + tokeniser.terms(chunk.content).total()
        for document in documents
        for chunk in document.chunks
    ]
    return max(1.0, sum(lengths) / max(1, len(lengths)))


def _rows(index: Index, average_length: float, chunks: Sequence[tuple[Document, Chunk]]) -> list[TermsRow]:
    tokeniser = tokeniser_for(index.language)
    titles = {document.key: tokeniser.terms(document.title or "") for document, _ in chunks}
    rows = []
    for document, chunk in chunks:
        counts = combine(titles[document.key], tokeniser.terms(chunk.content))
        length = counts.total()
        indices, weights = document_terms(counts, length, average_length)
        rows.append(
            (
                document.key,
                chunk.chunk_index,
                length,
                SparseVector(indices, weights),
                gin_terms(indices, weights),
            )
        )
    return rows
