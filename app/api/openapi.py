"""What OpenAPI shows: the bodies are read by us, so their schemas are added here."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.problems import MEDIA_TYPE, Problem
from app.api.schemas.access import ExplainBody
from app.api.schemas.documents import (
    BulkAcknowledged,
    BulkEnd,
    CommitBody,
    DeleteBody,
    DocumentsBody,
    PartBody,
    UpdatesBody,
)
from app.api.schemas.indexes import IndexBody
from app.api.schemas.recall import RecallBody
from app.api.schemas.search import RetrieveBody, ScanBody, SearchBody
from app.api.schemas.tokens import TokenBody

BODIES: tuple[type[BaseModel], ...] = (
    IndexBody, DocumentsBody, UpdatesBody, DeleteBody, PartBody, CommitBody, SearchBody, RecallBody, RetrieveBody,
    ScanBody, TokenBody, ExplainBody,
)  # fmt: skip
_ALWAYS = (401, 403, 422, 429, 500, 503, 504)
_WITH_BODY = (400, 408, 413)
_REFERENCE = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_SUMMARIES = {
    400: "The request cannot be read", 401: "A key is needed", 403: "The key does not allow this", 404: "Not found",
    408: "The body comes too slowly", 409: "Conflict", 412: "Another state", 413: "The body is too large",
    415: "Another media type", 422: "Not valid", 429: "Too many requests", 500: "Something went wrong here",
    502: "The embeddings endpoint does not answer", 503: "Not available now; try again", 504: "Took too long",
    507: "The database is full",
}  # fmt: skip


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems a route may answer with, those of every route included."""
    every = {*statuses, *_ALWAYS, *(_WITH_BODY if 415 in statuses else ())}  # noqa: PLR2004
    return {status: {"description": _SUMMARIES[status], **_REFERENCE} for status in sorted(every)}


def install_openapi(app: FastAPI) -> None:
    """Complete the schema once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _schema(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, bodies = models_json_schema(
        [(model, "validation") for model in BODIES]
        + [(model, "serialization") for model in (Problem, BulkAcknowledged, BulkEnd)],
        ref_template="#/components/schemas/{model}",
    )
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for name, definition in bodies["$defs"].items():
        components.setdefault(name, definition)
    return schema
