"""The route that issues search tokens."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from app.api.authorisation import CallerOf, TenantOf
from app.api.bodies import accepts, body_of
from app.api.dependencies import ServicesOf
from app.api.openapi import problems
from app.api.rendering import json_response
from app.api.schemas.tokens import TokenAnswer, TokenBody

router = APIRouter(prefix="/tokens", tags=["access"])


@router.post(
    "",
    summary="Issue a search token",
    responses={200: {"model": TokenAnswer}, **problems(404, 409, 415)},
    openapi_extra=accepts(TokenBody),
)
async def post_token(
    body: body_of(TokenBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    caller: CallerOf,
) -> Response:
    """For a front end that searches by itself: what the token says of access and filters, no search can widen."""
    index = await services.catalog.get(tenant, body.index)
    filters = caller.grant.permit(body.to_domain())
    issued = services.tokens.issue(caller.grant, tenant, index.name, filters, body.expires_in)
    return json_response(asdict(issued) | {"tenant_id": tenant, "index": index.name})
