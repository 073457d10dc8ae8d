"""Routes about chunks."""

from fastapi import APIRouter, Request, Response

from app.api import rendering
from app.api.authorisation import TenantOf, permitted
from app.api.bodies import accepts, body_of
from app.api.dependencies import AfterOf, ServicesOf
from app.api.openapi import problems
from app.api.schemas.search import ChunkList, RawChunkPage, RetrieveBody, ScanBody

router = APIRouter(prefix="/chunks", tags=["chunks"])


@router.post(
    "/retrieve",
    summary="Look up sections of documents",
    responses={200: {"model": ChunkList}, **problems(404, 415)},
    openapi_extra=accepts(RetrieveBody),
)
async def retrieve_chunks(
    body: body_of(RetrieveBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: Request,
    after: AfterOf,
) -> Response:
    """In the order of the sections, then of the chunks, however many. Unknown documents give nothing."""
    filters = permitted(request, body.filters.to_domain(include_hidden=body.include_hidden))
    sections = [section.to_domain() for section in body.sections]
    found = await services.router.read(lambda: services.reading.sections(tenant, body.index, sections, filters), after)
    return rendering.chunk_list(found)


@router.post(
    "/scan",
    summary="Read raw chunks of documents",
    responses={200: {"model": RawChunkPage}, **problems(400, 404, 415)},
    openapi_extra=accepts(ScanBody),
)
async def scan_chunks(
    body: body_of(ScanBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
) -> Response:
    """By document id and chunk, whoever may read them: for copying an index. A page at a time."""
    rows, following = await services.reading.scan(
        tenant,
        body.index,
        body.document_ids,
        rendering.chunk_cursor(body.cursor),
        body.limit,
        embeddings=body.include_embeddings,
    )
    return rendering.json_response(
        {
            "chunks": [rendering.raw_chunk(row) for row in rows],
            "next_cursor": None if following is None else rendering.encode_cursor(following),
        }
    )
