"""Rows as JSON, without building models: the contract tests hold every answer against its model."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import TypeAdapter

from app.api.problems import HttpError
from app.api.schemas.fields import ChunkIndex, DocumentId
from app.api.schemas.search import ChunkAnswer, RawChunk
from app.domain.documents import ChangedDocument, IndexedDocument
from app.domain.idempotency import IdempotentRequest
from app.domain.interchange import encode_vector
from app.domain.search import Answer

Row = Mapping[str, Any]
Result = IndexedDocument | ChangedDocument
PositionT = TypeVar("PositionT")

_KEY: TypeAdapter[UUID] = TypeAdapter(UUID)
_CHUNK: TypeAdapter[tuple[str, int]] = TypeAdapter(tuple[DocumentId, ChunkIndex])

SERVICE_PHASE = "service"
"""What is neither a statement's nor the embeddings endpoint's: ranking, highlights, waiting for a connection."""

_CHUNK_FIELDS = tuple(ChunkAnswer.model_fields)
_HIT_FIELDS = (*_CHUNK_FIELDS, "score", "features", "highlights")
_chunk_values = itemgetter(*_CHUNK_FIELDS)
_RESULT_FIELDS = {kind: tuple(each.name for each in fields(kind)) for kind in (IndexedDocument, ChangedDocument)}
_RAW_FIELDS = tuple(name for name in RawChunk.model_fields if name not in {"access", "embedding"})


def json_response(content: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def written(results: Sequence[Result], request: IdempotentRequest | None) -> Response:
    """Answer a write of several documents."""
    return _written({"results": [_result(result) for result in results]}, request)


def written_one(result: Result, request: IdempotentRequest | None = None) -> Response:
    """Answer a write of one document."""
    return _written(_result(result), request)


def answer(found: Answer, took_ms: float) -> Response:
    """Answer a search."""
    return json_response(
        {
            "hits": [
                dict(zip(_HIT_FIELDS, (*_chunk_values(hit.row), hit.score, hit.features, hit.highlights), strict=True))
                for hit in found.hits
            ],
            "mode": found.mode,
            "strategy": found.strategy,
            "exact": found.exact,
            "complete": found.complete,
            "degraded": found.degraded,
            "rank_profile": found.rank_profile,
            "expansions": found.expansions,
            "plan": found.plan,
            "took_ms": round(took_ms, 3),
        }
        | ({} if found.phases is None else {"phases": _phases(found.phases, took_ms)})
    )


def _phases(seconds: Mapping[str, float], took_ms: float) -> list[dict[str, Any]]:
    """Show the phases of a search, and last what the service itself took: together they are ``took_ms``."""
    shown = [{"name": name, "ms": round(value * 1000, 3)} for name, value in seconds.items()]
    rest = took_ms - sum(seconds.values()) * 1000
    return [*shown, {"name": SERVICE_PHASE, "ms": round(max(rest, 0.0), 3)}]


def chunk_list(rows: Iterable[Row]) -> Response:
    """Answer with chunks in order."""
    return json_response({"chunks": [_chunk(row) for row in rows]})


def _chunk(row: Row) -> dict[str, Any]:
    return dict(zip(_CHUNK_FIELDS, _chunk_values(row), strict=True))


def raw_chunk(row: Row) -> dict[str, Any]:
    """Show all that is stored of a chunk."""
    return {name: row[name] for name in _RAW_FIELDS} | {
        "access": {"public": row["acl_public"], "entries": row["acl_entries"]},
        "embedding": encode_vector(row["embedding"]),
    }


def encode_cursor(position: object) -> str:
    """Make a position opaque."""
    return base64.urlsafe_b64encode(orjson.dumps(position, default=str)).decode().rstrip("=")


def key_cursor(cursor: str | None) -> UUID | None:
    """Read the position of a page of documents."""
    return None if cursor is None else _decode(cursor, _KEY)


def chunk_cursor(cursor: str | None) -> tuple[str, int] | None:
    """Read the position of a page of chunks."""
    return None if cursor is None else _decode(cursor, _CHUNK)


def _decode(cursor: str, position: TypeAdapter[PositionT]) -> PositionT:
    try:
        return position.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise HttpError(400, "The cursor is none that this service gave.") from error


def _written(content: object, request: IdempotentRequest | None) -> Response:
    """Answer a write, and say so if the answer is an earlier one."""
    response = json_response(content)
    if request is not None and request.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _result(result: Result) -> dict[str, Any]:
    """Staleness is told only where it is so: without versions there is none."""
    shown = {name: getattr(result, name) for name in _RESULT_FIELDS[type(result)]}  # asdict would copy every value
    if not shown["stale"]:
        del shown["stale"]
    return shown
