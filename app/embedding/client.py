"""Embeddings from an OpenAI-compatible endpoint, such as LiteLLM's.

Source: POST /embeddings of the OpenAI API, with ``encoding_format: base64`` (little-endian float32).
"""

import base64
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import httpx
import numpy as np

from app.domain.errors import EmbeddingUnavailableError
from app.domain.vectors import Vector
from app.observability import metrics

_BATCH = 128
_ATTEMPTS = 3


class EmbeddingClient:
    """Embeds texts over HTTP; connections are pooled and retried.

    Parameters
    ----------
    api_base
        Such as ``http://litellm:4000/v1``.
    model
        The model asked for.
    api_key
        Sent as a bearer token, if given.
    timeout
        Seconds for a call.
    """

    def __init__(self, api_base: str, model: str, api_key: str | None = None, *, timeout: float = 30.0) -> None:
        self._model = model
        self._http = httpx.AsyncClient(
            base_url=api_base.rstrip("/"),
            headers={} if api_key is None else {"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            transport=httpx.AsyncHTTPTransport(retries=_ATTEMPTS - 1),
        )

    async def embed(self, texts: Sequence[str], dimension: int) -> list[Vector]:
        """Embed texts in order.

        Raises
        ------
        EmbeddingUnavailableError
            The endpoint fails, or its embeddings are not of the dimension.
        """
        vectors: list[Vector] = []
        for start in range(0, len(texts), _BATCH):
            vectors += await self._embed_batch(texts[start : start + _BATCH])
        if any(vector.shape != (dimension,) or not np.isfinite(vector).all() for vector in vectors):
            raise EmbeddingUnavailableError(
                f"The model {self._model} returned embeddings that are not {dimension} finite numbers."
            )
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _embed_batch(self, texts: Sequence[str]) -> list[Vector]:
        started = perf_counter()
        try:
            response = await self._http.post(
                "/embeddings", json={"model": self._model, "input": list(texts), "encoding_format": "base64"}
            )
            response.raise_for_status()
            items = sorted(response.json()["data"], key=lambda item: item["index"])
            vectors = [_vector(item["embedding"]) for item in items]
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            raise EmbeddingUnavailableError("The embeddings endpoint does not answer as it should.") from error
        finally:
            metrics.EMBEDDING_SECONDS.observe(perf_counter() - started)
        if len(vectors) != len(texts):
            raise EmbeddingUnavailableError("The embeddings endpoint returned another number of embeddings than texts.")
        return vectors


def _vector(embedding: Any) -> Vector:  # noqa: ANN401  some servers ignore encoding_format
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), dtype="<f4").astype(np.float32)
    return np.asarray(embedding, dtype=np.float32)
