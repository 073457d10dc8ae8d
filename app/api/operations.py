"""Routes for those who run the service."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from app.api.dependencies import ServicesOf
from app.api.openapi import problems
from app.api.rendering import json_response
from app.observability.metrics import render_metrics

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The service answers."""

    status: Literal["ready"] = "ready"
    postgres_version: int
    pgvector_version: str
    schema_revision: str
    read_only: bool
    warnings: list[str]


@router.get("/health", summary="Liveness", responses={200: {"model": Health}})
async def health() -> Response:
    """Of the process only: a database that is away is no reason to restart it."""
    return json_response({"status": "ok"})


@router.get("/health/ready", summary="Readiness", responses={200: {"model": Ready}, **problems()})
async def ready(services: ServicesOf) -> Response:
    """Database reachable, extension present, schema new enough, caches warm."""
    found: dict[str, Any] = {"status": "ready"} | asdict(await services.readiness.check())
    return json_response(found)


@router.get("/metrics", summary="Prometheus metrics", responses={200: {"content": {"text/plain": {}}}})
async def metrics() -> Response:
    """docs/operations.md says what to do about each."""
    return Response(render_metrics(), media_type=CONTENT_TYPE_LATEST)
