"""Chunks as bytes, for parts that wait for their commit."""

import base64
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import orjson

from app.domain.documents import Chunk
from app.domain.vectors import to_half


def encode_chunks(chunks: Sequence[Chunk]) -> bytes:
    """Write chunks as JSON, embeddings as base64 of little-endian float16."""
    return orjson.dumps(
        [
            asdict(chunk)
            | {
                "embedding": None
                if chunk.embedding is None
                else base64.b64encode(to_half(chunk.embedding).astype("<f2").tobytes()).decode()
            }
            for chunk in chunks
        ]
    )


def decode_chunks(body: bytes) -> tuple[Chunk, ...]:
    """Read what `encode_chunks` wrote."""
    return tuple(
        Chunk(
            **item
            | {
                "embedding": None
                if item["embedding"] is None
                else np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f2")
            }
        )
        for item in orjson.loads(body)
    )
