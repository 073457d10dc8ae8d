"""Routes about documents."""

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.convertors import PathConvertor, register_url_convertor

from app.api import rendering
from app.api.authorisation import IndexOf, TenantOf, authorise_request
from app.api.bodies import accepts, body_of, reader_of
from app.api.dependencies import (
    IfMatchOf,
    RequestOf,
    Services,
    ServicesOf,
    read_idempotent_request,
    services_of,
)
from app.api.openapi import problems
from app.api.rendering import json_response
from app.api.schemas.documents import (
    ChangedAnswer,
    ChangedList,
    DeleteBody,
    DocumentPage,
    DocumentsBody,
    IndexedList,
    StoredDocument,
    UpdatesBody,
)
from app.domain.callers import Caller
from app.domain.conditions import expected
from app.domain.idempotency import IdempotentRequest
from app.domain.interchange import write_document


class _TextConvertor(PathConvertor):
    """Any text to the end of the path: an id may hold slashes and line breaks, which path stops at."""

    regex = r"[\s\S]*"


register_url_convertor("text", _TextConvertor())
router = APIRouter(prefix="/documents", tags=["documents"])

NDJSON = "application/x-ndjson"
_read_documents = reader_of(DocumentsBody)
_read_updates = reader_of(UpdatesBody)


async def post_directly(request: Request) -> Response:
    """Call `post_documents` with what its parameters say."""
    caller = await authorise_request(request)
    body = await _read_documents(request)
    return await post_documents(body, *await _parameters(request, caller))


async def patch_directly(request: Request) -> Response:
    """Call `patch_documents` with what its parameters say."""
    caller = await authorise_request(request)
    body = await _read_updates(request)
    return await patch_documents(body, *await _parameters(request, caller))


async def _parameters(request: Request, caller: Caller) -> tuple[Services, str, IdempotentRequest | None, str | None]:
    """Return what both take besides a body, which must be read by now."""
    known = await read_idempotent_request(request, caller)
    return await services_of(request), caller.tenant_id, known, request.headers.get("if-match")


@router.post(
    "",
    summary="Index documents",
    responses={200: {"model": IndexedList}, **problems(404, 409, 412, 415, 502, 507)},
    openapi_extra=accepts(DocumentsBody),
)
async def post_documents(
    body: body_of(DocumentsBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: RequestOf,
    if_match: IfMatchOf = None,
) -> Response:
    """Each document is replaced as a whole; the batch is written as a whole or not at all, and durable."""
    documents = [document.to_domain() for document in body.documents]
    seen = expected(if_match, (document.id for document in documents))
    results = await services.indexing.write(
        tenant, body.index, documents, mode=body.mode, written_by=body.written_by, request=request, expected=seen
    )
    return rendering.written(results, request)


@router.patch(
    "",
    summary="Update metadata",
    responses={200: {"model": ChangedList}, **problems(404, 409, 412, 415, 507)},
    openapi_extra=accepts(UpdatesBody),
)
async def patch_documents(
    body: body_of(UpdatesBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: RequestOf,
    if_match: IfMatchOf = None,
) -> Response:
    """Null leaves a field, [] clears it; text and vectors are not touched. The next query sees it."""
    updates = [update.to_domain() for update in body.updates]
    seen = expected(if_match, (name for update in updates for name in update.document_ids))
    results = await services.indexing.update(tenant, body.index, updates, request=request, expected=seen)
    return rendering.written(results, request)


@router.post(
    "/delete",
    summary="Delete documents",
    responses={200: {"model": ChangedList}, **problems(404, 409, 412, 415, 507)},
    openapi_extra=accepts(DeleteBody),
)
async def delete_documents(
    body: body_of(DeleteBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    request: RequestOf,
    if_match: IfMatchOf = None,
) -> Response:
    """Documents that are not there are no error."""
    results = await services.indexing.delete(
        tenant,
        body.index,
        body.document_ids,
        written_by=body.written_by,
        version=body.version,
        request=request,
        expected=expected(if_match, body.document_ids),
    )
    return rendering.written(results, request)


@router.get(
    "",
    summary="List or export documents",
    responses={
        200: {"model": DocumentPage, "content": {NDJSON: {"schema": {"type": "string"}}}},
        **problems(400, 404),
    },
)
async def list_documents(
    services: ServicesOf,
    tenant: TenantOf,
    index: IndexOf,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    chunks: Annotated[bool, Query(description="With chunks.")] = False,  # noqa: FBT002
    embeddings: Annotated[bool, Query(description="With embeddings, as base64.")] = False,  # noqa: FBT002
    ndjson: Annotated[bool, Query(description="All of them, one a line.")] = False,  # noqa: FBT002
) -> Response:
    """Every document, hidden or not; no cap, and stable while others write."""
    after = rendering.key_cursor(cursor)
    if ndjson:
        rows = await services.reading.export(tenant, index, after, chunks=chunks, embeddings=embeddings)

        async def lines() -> AsyncIterator[bytes]:
            async for row, parts in rows:
                yield orjson.dumps(write_document(row, parts, embeddings=embeddings), option=orjson.OPT_APPEND_NEWLINE)

        return StreamingResponse(lines(), media_type=NDJSON)
    page, following = await services.reading.page(tenant, index, after, limit, chunks=chunks, embeddings=embeddings)
    return json_response(
        {
            "documents": [write_document(row, parts, embeddings=embeddings) for row, parts in page],
            "next_cursor": None if following is None else rendering.encode_cursor(following),
        }
    )


@router.get(
    "/{document_id:text}",
    summary="Show a document",
    responses={
        200: {
            "model": StoredDocument,
            "headers": {"ETag": {"description": "Of its state, for If-Match.", "schema": {"type": "string"}}},
        },
        **problems(404),
    },
)
async def get_document(
    document_id: str,
    services: ServicesOf,
    tenant: TenantOf,
    index: IndexOf,
    chunks: Annotated[bool, Query(description="With chunks.")] = True,  # noqa: FBT002
    embeddings: Annotated[bool, Query(description="With embeddings, as base64.")] = False,  # noqa: FBT002
) -> Response:
    """As it is stored, whoever may read it. The id is percent-encoded."""
    row, parts, tag = await services.reading.document(tenant, index, document_id, chunks=chunks, embeddings=embeddings)
    answer = json_response(write_document(row, parts, embeddings=embeddings))
    answer.headers["ETag"] = f'"{tag}"'
    return answer


@router.delete(
    "/{document_id:text}",
    summary="Delete a document",
    responses={200: {"model": ChangedAnswer}, **problems(404, 409, 412, 507)},
)
async def delete_document(
    document_id: str,
    services: ServicesOf,
    tenant: TenantOf,
    request: RequestOf,
    index: IndexOf,
    version: Annotated[int | None, Query(ge=-(2**63), lt=2**63, description="Not if a later one is known.")] = None,
    if_match: IfMatchOf = None,
) -> Response:
    """A document that is not there is no error. The id is percent-encoded."""
    seen = expected(if_match, [document_id])
    (result,) = await services.indexing.delete(
        tenant, index, [document_id], version=version, request=request, expected=seen
    )
    return rendering.written_one(result, request)
