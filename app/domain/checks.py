"""What must hold between a batch of documents and its index, before anything is written."""

from collections.abc import Iterable, Iterator, Sequence

from app.domain.documents import Chunk, Document
from app.domain.errors import EmbeddingDimensionError, EmbeddingMissingError, Flaw, InvalidRequestError
from app.domain.indexes import Index
from app.domain.vectors import HalfVector, Vector


def check_documents(index: Index, documents: Sequence[Document], pointers: Sequence[str]) -> None:
    """Refuse documents that do not fit an index; ``pointers`` say where each stands in the request.

    Raises
    ------
    EmbeddingDimensionError
        An embedding has another dimension than the index.
    EmbeddingMissingError
        A chunk has no embedding.
    InvalidRequestError
        The index is under access control and a document does not say who may read it.
    """
    placed = list(zip(documents, pointers, strict=True))
    if flaws := [flaw for document, pointer in placed for flaw in _dimension_flaws(index, document, pointer)]:
        raise EmbeddingDimensionError(
            f'Embeddings in the index "{index.name}" have {index.embedding_dimension} numbers.', flaws
        )
    if flaws := [flaw for document, pointer in placed for flaw in _missing(document, pointer)]:
        raise EmbeddingMissingError(
            "Every chunk needs an embedding: no endpoint is configured that would make one.", flaws
        )
    if flaws := [flaw for document, pointer in placed for flaw in _access_flaws(index, document, pointer)]:
        raise InvalidRequestError(f'The index "{index.name}" is under access control: say who may read.', flaws)


def check_embedding(index: Index, embedding: Vector | None, pointer: str = "/embedding") -> None:
    """Refuse an embedding of another dimension than the index's.

    Raises
    ------
    EmbeddingDimensionError
        It has another.
    """
    if flaws := list(_dimension_flaw(index, embedding, pointer)):
        raise EmbeddingDimensionError(
            f'Embeddings in the index "{index.name}" have {index.embedding_dimension} numbers.', flaws
        )


def _dimension_flaw(index: Index, embedding: Vector | HalfVector | None, pointer: str) -> Iterator[Flaw]:
    if embedding is not None and embedding.shape[0] != index.embedding_dimension:
        yield Flaw(
            pointer,
            "dimension",
            f"{embedding.shape[0]} numbers came, {index.embedding_dimension} are expected.",
        )


def _dimension_flaws(index: Index, document: Document, pointer: str) -> Iterable[Flaw]:
    yield from _dimension_flaw(index, document.title_embedding, f"{pointer}/title_embedding")
    for chunk, place in _placed_chunks(document, pointer):
        yield from _dimension_flaw(index, chunk.embedding, f"{place}/embedding")


def _placed_chunks(document: Document, pointer: str) -> Iterator[tuple[Chunk, str]]:
    for place, chunk in enumerate(document.chunks):
        yield chunk, pointer if document.simple else f"{pointer}/chunks/{place}"


def _missing(document: Document, pointer: str) -> Iterable[Flaw]:
    for chunk, place in _placed_chunks(document, pointer):
        if chunk.embedding is None:
            yield Flaw(f"{place}/embedding", "required", "The chunk has no embedding.")


def _access_flaws(index: Index, document: Document, pointer: str) -> Iterable[Flaw]:
    if index.access_control and document.access is None:
        yield Flaw(f"{pointer}/access", "required", 'Such as {"public": false, "entries": ["group:eng"]}.')
