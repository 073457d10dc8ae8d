"""Calls that are led past the application's routes answer as they would through them."""

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from app.api.direct import DirectCalls
from app.api.problems import HttpError, install_problem_handlers
from app.domain.errors import DocumentNotFoundError, InvalidRequestError


def application(error: Exception | None) -> FastAPI:
    async def handler(request: Request) -> Response:
        if error is not None:
            raise error
        return Response(f"directly to {request.scope['route'].path}")

    app = FastAPI()
    app.add_api_route("/search", lambda: "by its route", methods=["GET"])
    app.add_middleware(DirectCalls, handlers={("POST", "/search"): handler})
    install_problem_handlers(app)
    return app


async def ask(method: str, path: str, error: Exception | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(application(error))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.request(method, path)


async def test_a_direct_call_goes_to_its_handler() -> None:
    assert (await ask("POST", "/search")).text == "directly to /search"


async def test_all_others_go_to_their_routes() -> None:
    assert (await ask("GET", "/search")).json() == "by its route"
    assert (await ask("POST", "/searches")).status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequestError("It is not valid."), 422, "invalid_request"),
        (DocumentNotFoundError("It is not there."), 404, "document_not_found"),
        (HttpError(415, "It is another media type."), 415, "unsupported_media_type"),
    ],
)
async def test_errors_are_the_problems_they_are_elsewhere(error: Exception, status: int, code: str) -> None:
    answer = await ask("POST", "/search", error)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_nobody_foresaw_is_left_to_whoever_is_outside() -> None:
    with pytest.raises(ZeroDivisionError):
        await ask("POST", "/search", ZeroDivisionError())
