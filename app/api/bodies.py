"""Bodies: read within bounds, and validated straight from their bytes.

FastAPI would parse JSON into dicts and then validate those; pydantic reads bytes ten times faster.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from app.api.authorisation import checked_index
from app.api.problems import HttpError, invalid_body

IDEMPOTENCY_KEY = "idempotency-key"
_LARGEST_QUESTION = 32 * 1024 * 1024
"""Bytes of a body that carries no documents: lists of 200,000 ids fit."""

_BODY_SECONDS = 20.0
_BODY_RATE = 16_384
"""Bytes a second that a body comes with at least, after its first seconds."""

_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_UNREADABLE = "json_invalid"
_PIECE = 1024 * 1024
_HIGH = range(0xD800, 0xDC00)
_LOW = range(0xDC00, 0xE000)

BodyT = TypeVar("BodyT", bound=BaseModel)


def body_of(model: type[BaseModel]) -> Any:  # noqa: ANN401  FastAPI's Depends is untyped
    """Annotate a parameter with this to get the validated body."""
    return Annotated[model, Depends(reader_of(model))]


def accepts(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a body in OpenAPI: pass as ``openapi_extra``."""
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


def reader_of(model: type[BodyT]) -> Callable[[Request], Coroutine[Any, Any, BodyT]]:
    """Return what reads and validates a body of a model."""

    async def read(request: Request) -> BodyT:
        _check_media_type(request)
        largest: int = request.app.state.max_body_bytes
        if not getattr(model, "carries_documents", False):
            largest = min(largest, _LARGEST_QUESTION)
        data = await _read_bytes(request, largest)
        if IDEMPOTENCY_KEY in request.headers:
            request.state.body_digest = blake2b(data, digest_size=16).digest()
        body: BodyT | None = request.app.state.long_lists.read(model, data)
        return _with_index(request, validated(model, data) if body is None else body)

    return read


def _with_index(request: Request, body: BodyT) -> BodyT:
    """Let a body be about an index that the caller may have; every body that is about one has it as ``index``."""
    if "index" not in type(body).model_fields:
        return body
    given: str | None = getattr(body, "index")  # noqa: B009  of a model that is not known here
    index = checked_index(request, given)
    return body if index == given else body.model_copy(update={"index": index})


def validated(model: type[BodyT], data: bytes) -> BodyT:
    """Read a body from its JSON.

    Raises
    ------
    HttpError
        It is no JSON.
    InvalidRequestError
        It is not what the model says.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if not _is_unreadable(error):
            raise invalid_body(error) from error
        # Python writes lone surrogates as escapes that are no JSON; text may hold them, and loses them.
        mended = _without_lone_surrogates(data)
        if mended == data:
            raise HttpError(400, f"The body is not JSON: {error.errors()[0]['msg']}") from error
    try:
        return model.model_validate_json(mended)
    except ValidationError as error:
        if _is_unreadable(error):
            raise HttpError(400, f"The body is not JSON: {error.errors()[0]['msg']}") from error
        raise invalid_body(error) from error


def _is_unreadable(error: ValidationError) -> bool:
    """Whether it is no JSON, which is one error; listing many takes time."""
    return error.error_count() == 1 and error.errors()[0]["type"] == _UNREADABLE


def _without_lone_surrogates(data: bytes) -> bytes:
    r"""Turn each escape of a lone surrogate into \u0000, which ids refuse and text loses."""
    pieces: list[bytes] = []
    end = 0
    high: tuple[int, int] | None = None
    for match in _ESCAPE.finditer(data):
        value = int(match[1], 16) if match[1] else -1
        if high is not None and not (value in _LOW and match.start() == high[1]):
            pieces += [data[end : high[0]], rb"\u0000"]
            end = high[1]
        elif high is not None:
            high = None
            continue
        high = (match.start(), match.end()) if value in _HIGH else None
        if value in _LOW:
            pieces += [data[end : match.start()], rb"\u0000"]
            end = match.end()
    if high is not None:
        pieces += [data[end : high[0]], rb"\u0000"]
        end = high[1]
    return b"".join((*pieces, data[end:]))


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HttpError(415, f'Send application/json, not "{media_type}".')


def check_encoding(request: Request) -> str:
    """Return how a body is encoded.

    Raises
    ------
    HttpError
        In a way that is not known.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise HttpError(415, f'Send the body as it is or as gzip, not "{encoding}".')
    return encoding


async def unzipped(request: Request) -> AsyncIterator[bytes]:
    """Give a body of any length piece by piece, as it was before it was zipped.

    Raises
    ------
    HttpError
        It is zipped, and the stream is broken.
    """
    if check_encoding(request) == "identity":
        async for part in request.stream():
            yield part
        return
    unzip = zlib.decompressobj(wbits=31)
    async for part in request.stream():
        piece = _unzipped(unzip, part, _PIECE)
        while piece:
            yield piece
            piece = _unzipped(unzip, unzip.unconsumed_tail, _PIECE)
    _check_end(unzip)


async def _read_bytes(request: Request, limit: int) -> bytes:
    encoding = check_encoding(request)
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    unzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    parts: list[bytes] = []
    came = size = 0
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(_BODY_SECONDS) as clock:  # bodies that trickle hold one of the requests under way
            async for part in request.stream():
                came += len(part)
                piece = part if unzip is None else _unzipped(unzip, part, limit - size + 1)
                size += len(piece)
                if max(came, size) > limit:
                    raise _too_large(limit)
                parts.append(piece)
                if str(came) != length:  # more is to come
                    clock.reschedule(began + _BODY_SECONDS + came / _BODY_RATE)
    except TimeoutError:
        raise HttpError(408, f"The body comes slower than {_BODY_RATE} bytes a second.") from None
    if unzip is not None:
        _check_end(unzip)
    return b"".join(parts)


def _check_end(unzip: "zlib._Decompress") -> None:
    if not unzip.eof:
        raise HttpError(400, "The gzip stream of the body is cut off.")
    if unzip.unused_data:
        raise HttpError(400, "Something follows the gzip stream of the body.")


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"The body may have {limit} bytes, after decompression too.")


def _unzipped(unzip: "zlib._Decompress", part: bytes, room: int) -> bytes:
    try:
        return unzip.decompress(part, room)
    except zlib.error as error:
        raise HttpError(400, "The body is not gzip.") from error
