"""Rows of the three tables of chunks, in the form of `copying`.

The values are those of each type's ``_send`` function; `codecs` names the sources of pgvector's.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import numpy as np

from app.domain.documents import Chunk
from app.domain.replacement import ChunkKey, ChunkState
from app.domain.vectors import HalfVector, to_half
from app.storage.codecs import SPARSE_DIMENSION, encode_jsonb
from app.storage.copying import field, text_field
from app.text.batches import TermsBatch

_KEY_COLUMNS = ("index_id", "document_key", "chunk_index")
CHUNK_COLUMNS = (
    *_KEY_COLUMNS, "digest", "embedding_digest", "terms_digest", "content", "blurb", "doc_summary", "chunk_context",
    "metadata_suffix", "source_links", "image_file_id",
)  # fmt: skip
EMBEDDING_COLUMNS = (*_KEY_COLUMNS, "embedding")
SEGMENT_COLUMNS = ("index_id", "document_key", "segment", "embedding")
TERMS_COLUMNS = (*_KEY_COLUMNS, "length", "weights", "tokens")

_ROWS_AT_ONCE = 500
_INT4_OID = 23
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i4")])

# A row begins with the count of its fields; every field with its length.
_pack_key = struct.Struct(">hiii16sii").pack
_pack_digests = struct.Struct(">i16si16si16s").pack
_pack_length = struct.Struct(">ii").pack
_pack_sparse = struct.Struct(">iiii").pack
_pack_array = struct.Struct(">iiiiii").pack


def chunk_rows(index_id: int, chunks: Iterable[tuple[UUID, Chunk, ChunkState]]) -> Iterator[bytes]:
    """Write rows of ``chunks``."""
    columns = len(CHUNK_COLUMNS)
    for key, chunk, state in chunks:
        links = None if chunk.source_links is None else encode_jsonb(chunk.source_links)
        yield b"".join(
            (
                _pack_key(columns, 4, index_id, 16, key.bytes, 4, chunk.chunk_index),
                _pack_digests(16, state.payload, 16, state.embedding, 16, state.terms),
                text_field(chunk.content),
                text_field(chunk.blurb),
                text_field(chunk.doc_summary),
                text_field(chunk.chunk_context),
                text_field(chunk.metadata_suffix),
                field(links),
                text_field(chunk.image_file_id),
            )
        )


def embedding_rows(index_id: int, chunks: Sequence[tuple[UUID, Chunk]]) -> Iterator[bytes]:
    """Write rows of ``chunk_embeddings``."""
    placed = [
        (key, chunk.chunk_index, to_half(chunk.embedding)) for key, chunk in chunks if chunk.embedding is not None
    ]
    return vector_rows(index_id, placed)


def vector_rows(index_id: int, placed: Sequence[tuple[UUID, int, HalfVector]]) -> Iterator[bytes]:
    """Write rows of a key, a number and a vector: all of the same length, so that one array holds hundreds of them."""
    for start in range(0, len(placed), _ROWS_AT_ONCE):
        keys, numbers, embeddings = zip(*placed[start : start + _ROWS_AT_ONCE], strict=True)
        vectors = np.stack(embeddings)
        rows = np.empty(len(keys), _vector_row(vectors.shape[1]))
        rows["fields"], rows["l1"], rows["l2"], rows["l3"] = len(EMBEDDING_COLUMNS), 4, 16, 4
        rows["l4"] = 4 + vectors.shape[1] * 2
        rows["index_id"] = index_id
        rows["document_key"] = np.frombuffer(b"".join(key.bytes for key in keys), "V16")
        rows["number"] = numbers
        rows["dimension"], rows["unused"] = vectors.shape[1], 0
        rows["embedding"] = vectors
        yield rows.tobytes()


def terms_rows(index_id: int, keys: Sequence[ChunkKey], terms: TermsBatch) -> Iterator[bytes]:
    """Write rows of ``chunk_terms``."""
    columns = len(TERMS_COLUMNS)
    indices, weights = (terms.indices - 1).astype(">i4").tobytes(), terms.weights.astype(">f4").tobytes()
    elements = np.empty(len(terms.tokens), _ELEMENT)
    elements["length"], elements["value"] = 4, terms.tokens
    tokens = elements.tobytes()
    bounds, token_bounds = terms.bounds.tolist(), terms.token_bounds.tolist()
    for place, ((key, chunk_index), length) in enumerate(zip(keys, terms.lengths.tolist(), strict=True)):
        first, last = bounds[place], bounds[place + 1]
        first_token, last_token = token_bounds[place], token_bounds[place + 1]
        yield b"".join(
            (
                _pack_key(columns, 4, index_id, 16, key.bytes, 4, chunk_index),
                _pack_length(4, length),
                _pack_sparse(12 + 8 * (last - first), SPARSE_DIMENSION, last - first, 0),
                indices[4 * first : 4 * last],
                weights[4 * first : 4 * last],
                _pack_array(20 + 8 * (last_token - first_token), 1, 0, _INT4_OID, last_token - first_token, 1),
                tokens[8 * first_token : 8 * last_token],
            )
        )


def _vector_row(dimension: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("fields", ">i2"),
            ("l1", ">i4"), ("index_id", ">i4"),
            ("l2", ">i4"), ("document_key", "V16"),
            ("l3", ">i4"), ("number", ">i4"),
            ("l4", ">i4"), ("dimension", ">u2"), ("unused", ">u2"), ("embedding", ">f2", (dimension,)),
        ]
    )  # fmt: skip
