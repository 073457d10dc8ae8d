"""Writing documents of any number and size: small ones in batches, large ones in parts with one commit.

A plan is a generator that yields calls and is sent their answers, so that the blocking and the asynchronous
client share it. It holds one part of encoded chunks in memory, never a document.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from onyx_vector_search import calls
from onyx_vector_search.answers import Indexed
from onyx_vector_search.calls import Call
from onyx_vector_search.errors import ServiceUnavailableError, VectorSearchError
from onyx_vector_search.models import Chunk, Document, DocumentHead, WriteMode, Writer

Plan = Generator[Call[Any], Any, list[Indexed]]

PART_BYTES = 8 * 2**20
"""Encoded bytes from which on a batch is sent or a part is cut."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where documents go, and as what."""

    index: str | None
    mode: WriteMode = "replace"
    written_by: Writer = "index"
    part_bytes: int = PART_BYTES


class DuplicateDocumentError(VectorSearchError):
    """A document came twice: the second would replace the first half of itself."""


def plan_writes(to: Destination, documents: Iterable[Document]) -> Plan:
    """Write documents in the order they come; answers are in that order.

    Raises
    ------
    DuplicateDocumentError
        A document came twice.
    """
    results: list[Indexed] = []
    batch = _Batch(to)
    seen: set[str] = set()
    for document in documents:
        if document.head.id in seen:
            raise DuplicateDocumentError(f'The document "{document.head.id}" came twice: its chunks must be together.')
        seen.add(document.head.id)
        parts = _parts(document.chunks, to.part_bytes)
        first, second = next(parts, []), next(parts, None)
        if second is not None:
            results += yield from batch.flush()
            results += yield from _large(to, document.head, _chained(first, second, parts))
            continue
        results += yield from batch.add(_join(document.head, first))
    results += yield from batch.flush()
    return results


class _Batch:
    """Small documents on their way into one request."""

    def __init__(self, to: Destination) -> None:
        self._to = to
        self._documents: list[bytes] = []
        self._size = 0

    def add(self, document: bytes) -> Plan:
        full = bool(self._documents) and self._size + len(document) > self._to.part_bytes
        results = (yield from self.flush()) if full else []
        self._documents.append(document)
        self._size += len(document)
        return results

    def flush(self) -> Plan:
        if not self._documents:
            return []
        body = calls.documents_body(self._to.index, self._documents, self._to.mode, self._to.written_by)
        self._documents, self._size = [], 0
        results: list[Indexed] = yield calls.post_documents(body)
        return results


def _large(to: Destination, head: DocumentHead, parts: Iterator[list[bytes]]) -> Plan:
    if to.mode != "replace" or to.written_by != "index":
        return (yield from _piecewise(to, head, parts))
    upload_id = uuid4()
    try:
        return (yield from _uploaded(to, upload_id, head, parts))
    except (ServiceUnavailableError, httpx.TransportError):
        raise  # nobody is there to be told; the service sweeps what is left behind
    except Exception:
        with suppress(VectorSearchError, httpx.TransportError):
            yield calls.delete_upload(upload_id, to.index)
        raise


def _uploaded(to: Destination, upload_id: UUID, head: DocumentHead, parts: Iterator[list[bytes]]) -> Plan:
    count = 0
    for part in parts:
        yield calls.put_part(upload_id, count, to.index, part)
        count += 1
    document = head.model_dump_json(exclude_none=True).encode()
    result: Indexed = yield calls.commit_upload(upload_id, to.index, document, count)
    return [result]


def _piecewise(to: Destination, head: DocumentHead, parts: Iterator[list[bytes]]) -> Plan:
    """Add part after part to what is there, as raw copies do; a replacement begins with its first part."""
    mode = to.mode
    answers: list[Indexed] = []
    for part in parts:
        body = calls.documents_body(to.index, [_join(head, part)], mode, to.written_by)
        answers += yield calls.post_documents(body)
        mode = "merge" if mode == "replace" else mode
    return [answers[-1].model_copy(update={"already_existed": answers[0].already_existed})]


def _parts(chunks: Iterable[Chunk], part_bytes: int) -> Iterator[list[bytes]]:
    """Encode chunks and cut them into lists of about as many bytes."""
    part: list[bytes] = []
    size = 0
    for chunk in chunks:
        encoded = chunk.model_dump_json(exclude_none=True).encode()
        if part and size + len(encoded) > part_bytes:
            yield part
            part, size = [], 0
        part.append(encoded)
        size += len(encoded)
    if part:
        yield part


def _chained(first: list[bytes], second: list[bytes], rest: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    yield first
    yield second
    yield from rest


def _join(head: DocumentHead, chunks: list[bytes]) -> bytes:
    return b'%s,"chunks":[%s]}' % (head.model_dump_json(exclude_none=True).encode()[:-1], b",".join(chunks))
