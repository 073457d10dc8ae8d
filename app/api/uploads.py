"""Routes for documents that are too large for one request."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.api.authorisation import IndexOf, TenantOf
from app.api.bodies import accepts, body_of
from app.api.dependencies import ServicesOf
from app.api.openapi import problems
from app.api.rendering import json_response, written_one
from app.api.schemas.documents import CommitBody, IndexedAnswer, PartAnswer, PartBody

router = APIRouter(prefix="/uploads", tags=["documents"])


@router.put(
    "/{upload_id}/parts/{part}",
    summary="Send a part of a large document",
    responses={200: {"model": PartAnswer}, **problems(404, 415, 502, 507)},
    openapi_extra=accepts(PartBody),
)
async def put_part(
    upload_id: UUID,
    part: Annotated[int, Path(ge=0, lt=100_000)],
    body: body_of(PartBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
) -> Response:
    """The caller draws the upload id. A part sent again replaces itself; nothing is to be seen before the commit."""
    chunks = [chunk.to_domain() for chunk in body.chunks]
    await services.uploads.save_part(tenant, body.index, upload_id, part, chunks)
    return json_response({"upload_id": str(upload_id), "part": part})


@router.post(
    "/{upload_id}/commit",
    summary="Make the parts a document",
    responses={200: {"model": IndexedAnswer}, **problems(404, 409, 415, 507)},
    openapi_extra=accepts(CommitBody),
)
async def commit_upload(
    upload_id: UUID,
    body: body_of(CommitBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
) -> Response:
    """Replaces the document as a whole. Repeated, it answers the same and changes nothing."""
    document = body.document.with_chunks(())
    return written_one(await services.uploads.commit(tenant, body.index, upload_id, document, body.parts))


@router.delete("/{upload_id}", status_code=204, summary="Forget an upload", responses=problems(404))
async def delete_upload(upload_id: UUID, services: ServicesOf, tenant: TenantOf, index: IndexOf) -> Response:
    """Uploads nobody comes back to are swept after two hours."""
    await services.uploads.abort(tenant, index, upload_id)
    return Response(status_code=204)
