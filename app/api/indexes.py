"""Routes about indexes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.api.authorisation import CallerOf, NameOf, TenantOf
from app.api.bodies import accepts, body_of
from app.api.dependencies import Services, ServicesOf
from app.api.openapi import problems
from app.api.rendering import json_response
from app.api.schemas.indexes import EmptiedAnswer, IndexAnswer, IndexBody, IndexList
from app.services.catalog import IndexState

router = APIRouter(prefix="/indexes", tags=["indexes"])


@router.put(
    "/{name}",
    summary="Create an index, or make sure that it is what is asked for",
    responses={200: {"model": IndexAnswer}, 201: {"model": IndexAnswer}, **problems(404, 409, 415, 507)},
    openapi_extra=accepts(IndexBody),
)
async def put_index(
    name: NameOf,
    body: body_of(IndexBody),  # type: ignore[valid-type]
    services: ServicesOf,
    tenant: TenantOf,
    reset: Annotated[bool, Query(description="Drop an index that differs, with all it holds.")] = False,  # noqa: FBT002
) -> Response:
    """Safe when many callers race. 409 when an index of that name differs."""
    index, created = await services.catalog.put(tenant, name, body.to_domain(), reset=reset)
    state = await services.catalog.state(tenant, index.name)
    return json_response(_shown(services, state), 201 if created else 200)


@router.get("", summary="List indexes", responses={200: {"model": IndexList}, **problems()})
async def list_indexes(services: ServicesOf, tenant: TenantOf, caller: CallerOf) -> Response:
    """All indexes of the tenant that the key may see, with what they hold."""
    states = [each for each in await services.catalog.list_states(tenant) if caller.grant.sees_index(each.index.name)]
    return json_response({"indexes": [_shown(services, state) for state in states]})


@router.get("/{name}", summary="Show an index", responses={200: {"model": IndexAnswer}, **problems(404)})
async def get_index(name: NameOf, services: ServicesOf, tenant: TenantOf) -> Response:
    """Documents, chunks and bytes are counted; ann shows the HNSW graph and the progress of its build."""
    return json_response(_shown(services, await services.catalog.state(tenant, name)))


@router.delete("/{name}", status_code=204, summary="Drop an index", responses=problems(404))
async def delete_index(name: NameOf, services: ServicesOf, tenant: TenantOf) -> Response:
    """Takes constant time, whatever it holds."""
    await services.catalog.drop(tenant, name)
    return Response(status_code=204)


@router.delete(
    "/{name}/documents",
    summary="Empty an index in bounded steps",
    responses={200: {"model": EmptiedAnswer}, **problems(404, 507)},
)
async def empty_index(
    name: NameOf, services: ServicesOf, tenant: TenantOf, limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000
) -> Response:
    """Deletes up to ``limit`` documents and says how many are left."""
    deleted, remaining = await services.indexing.delete_some(tenant, name, limit)
    return json_response({"deleted": deleted, "remaining": remaining})


def _shown(services: Services, state: IndexState) -> dict[str, Any]:
    return IndexAnswer.of(state, services.reporter.recall(state.index)).model_dump()
