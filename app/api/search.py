"""The search route."""

from dataclasses import asdict
from time import perf_counter

from fastapi import APIRouter, Request, Response

from app.api import rendering
from app.api.authorisation import TenantOf, authorise_request, permitted
from app.api.bodies import accepts, body_of, reader_of
from app.api.dependencies import AfterOf, ServicesOf, read_after, services_of
from app.api.openapi import problems
from app.api.schemas.recall import RecallAnswer, RecallBody
from app.api.schemas.search import SearchAnswer, SearchBody

router = APIRouter(tags=["search"])
_read_body = reader_of(SearchBody)


async def search_directly(request: Request) -> Response:
    """Call `search` with what its parameters say."""
    caller = await authorise_request(request)
    body = await _read_body(request)
    after = await read_after(request.headers.get("x-read-after"))
    return await search(body, await services_of(request), caller.tenant_id, request, after)


async def search(
    body: body_of(SearchBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: Request,
    after: AfterOf,
) -> Response:
    """Never short while more chunks match, unless ``complete`` says so."""
    started = perf_counter()
    wanted = body.to_domain(lambda filters: permitted(request, filters))
    found = await services.router.read(lambda: services.search.search(tenant, body.index, wanted), after)
    return rendering.answer(found, (perf_counter() - started) * 1000)


router.add_api_route(
    "/search",
    search,
    methods=["POST"],
    summary="Search",
    responses={200: {"model": SearchAnswer}, **problems(404, 415, 502)},
    openapi_extra=accepts(SearchBody),
)


@router.post(
    "/search/recall",
    summary="Measure recall",
    responses={200: {"model": RecallAnswer}, **problems(404, 415)},
    openapi_extra=accepts(RecallBody),
)
async def measure_recall(
    body: body_of(RecallBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: Request,
) -> Response:
    """Asks questions near random chunks twice, as they are answered and exactly: for tests, not for every minute."""
    asked = body.to_domain(lambda filters: permitted(request, filters))
    measured = await services.recall.measure(tenant, body.index, asked)
    return rendering.json_response({"k": asked.k, "measured": [asdict(one) for one in measured]})
