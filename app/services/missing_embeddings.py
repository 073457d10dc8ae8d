"""Embeddings of texts that came without one, made by the endpoint that is configured for it."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.documents import Document
from app.domain.errors import EmbeddingMissingError
from app.domain.indexes import Index
from app.embedding.client import EmbeddingClient


class MissingEmbeddings:
    """Asks the endpoint for all the texts of a request at once; without one, texts stay as they are."""

    def __init__(self, embedder: EmbeddingClient | None) -> None:
        self._embedder = embedder

    async def fill(self, index: Index, documents: Sequence[Document]) -> Sequence[Document]:
        """Return documents with an embedding for every text, if there is an endpoint.

        Raises
        ------
        EmbeddingMissingError
            The endpoint returned too few.
        """
        texts = [
            "\n".join(filter(None, (document.title, chunk.content)))
            for document in documents
            for chunk in document.chunks
            if chunk.embedding is None
        ]
        if not texts or self._embedder is None:
            return documents
        vectors = iter(await self._embedder.embed(texts, index.embedding_dimension))
        try:
            return [
                replace(
                    document,
                    chunks=tuple(
                        chunk if chunk.embedding is not None else replace(chunk, embedding=next(vectors))
                        for chunk in document.chunks
                    ),
                )
                for document in documents
            ]
        except StopIteration as error:
            raise EmbeddingMissingError("The embeddings endpoint returned fewer embeddings than texts.") from error
