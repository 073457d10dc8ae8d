"""Why somebody sees a document, or does not."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from app.api.authorisation import TenantOf
from app.api.bodies import accepts, body_of
from app.api.dependencies import ServicesOf
from app.api.openapi import problems
from app.api.rendering import json_response
from app.api.schemas.access import ExplainAnswer, ExplainBody

router = APIRouter(prefix="/access", tags=["access"])


@router.post(
    "/explain",
    summary="Say why somebody can or cannot see a document",
    responses={200: {"model": ExplainAnswer}, **problems(404, 415)},
    openapi_extra=accepts(ExplainBody),
)
async def explain_access(
    body: body_of(ExplainBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
) -> Response:
    """By what is stored, and by what searches remember of the access list: should they differ, that is shown too."""
    asked = body.access_control_list
    found = await services.explaining.explain(
        tenant, body.index, body.document_id, None if asked is None else tuple(asked)
    )
    return json_response(asdict(found))
