"""The stream of documents: lines in, acknowledgements out, both at once."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated, Any

import orjson
import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.authorisation import IndexOf, TenantOf
from app.api.bodies import check_encoding, unzipped, validated
from app.api.dependencies import ServicesOf
from app.api.documents import NDJSON
from app.api.openapi import problems
from app.api.problems import HttpError, http_problem_body, internal_problem_body, service_problem_body
from app.api.schemas.documents import DocumentBody
from app.domain.documents import WriteMode, Writer
from app.domain.errors import InvalidRequestError, ServiceError
from app.services.bulk import Acknowledged, BulkWriter, Line, Outcome

log = structlog.get_logger()
router = APIRouter(prefix="/documents", tags=["documents"])

MAX_REFUSED = 1_000
_DRAIN_SECONDS = 5.0
_WRITERS = 4

_LINE = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("BulkAcknowledged", "BulkEnd", "Problem")]}

WriterOf = Callable[[Callable[[Outcome], None]], BulkWriter]


@router.post(
    "/bulk",
    summary="Index a stream of documents",
    response_class=Response,
    responses={
        200: {"description": "Lines as work goes on", "content": {NDJSON: {"schema": _LINE}}},
        **problems(404, 415),
    },
    openapi_extra={"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def post_bulk(
    request: Request,
    services: ServicesOf,
    tenant: TenantOf,
    index: IndexOf,
    mode: Annotated[WriteMode, Query(description="As of `POST /documents`.")] = "replace",
    written_by: Annotated[Writer, Query(description="Kept with the documents.")] = "index",
) -> Response:
    """Lines are documents as `POST /documents` takes them, of any number; gzip is accepted.

    While lines are read, batches are written over several connections, and each is acknowledged by a line of the
    answer once it is durable. A line that does not fit is refused by a problem with its number, and the others go on.
    The last line of the answer says whether all lines were read.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != NDJSON:
        raise HttpError(415, f'Send {NDJSON}, not "{media_type}".')
    check_encoding(request)
    found = await services.catalog.get(tenant, index)
    writers = min(_WRITERS, services.indexing.writes_at_once)

    def writer_of(report: Callable[[Outcome], None]) -> BulkWriter:
        return BulkWriter(services.indexing, tenant, found.name, mode, written_by, report, writers)

    return BulkAnswer(request, writer_of)


class BulkAnswer(Response):
    """Reads the request while it answers.

    What waits to be sent are a hundred bytes a batch: reading goes on even if the client reads nothing before it has
    sent everything, as most HTTP libraries do.
    """

    media_type = NDJSON

    def __init__(self, request: Request, writer_of: WriterOf) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._request = request
        self._writer_of = writer_of
        self._outgoing: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._tally = {"documents": 0, "chunks": 0, "refused": 0}

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        reading = asyncio.create_task(self._read())
        try:
            while (line := await self._outgoing.get()) is not None:
                body = orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def _read(self) -> None:
        complete = False
        try:
            async with self._writer_of(self._report) as writer:
                await self._write_all(writer)
            complete = True
        except ClientDisconnect:
            return  # what is acknowledged stays; what is under way is given up
        except HttpError as error:
            self._outgoing.put_nowait(http_problem_body(self._request, error.status, error.detail))
        except ServiceError as error:
            self._outgoing.put_nowait(service_problem_body(self._request, error))
        except Exception:
            log.exception("bulk_crashed")
            self._outgoing.put_nowait(internal_problem_body(self._request))
        finally:
            self._outgoing.put_nowait({"complete": complete} | self._tally)
            if not complete:
                await self._drain()
            self._outgoing.put_nowait(None)

    async def _write_all(self, writer: BulkWriter) -> None:
        lines = Lines(self._request.app.state.max_body_bytes)
        async for piece in unzipped(self._request):
            for number, text in lines.feed(piece):
                await self._take(writer, number, text)
            await writer.pause()
        for number, text in lines.rest():
            await self._take(writer, number, text)
        await writer.finish()

    async def _take(self, writer: BulkWriter, number: int, text: bytes | None) -> None:
        if text is None:
            limit = self._request.app.state.max_body_bytes
            self._refuse(number, http_problem_body(self._request, 413, f"A line may have {limit} bytes."))
            return
        try:
            document = validated(DocumentBody, text).to_domain()
        except InvalidRequestError as error:
            self._refuse(number, service_problem_body(self._request, error))
        except HttpError as error:
            self._refuse(number, http_problem_body(self._request, error.status, error.detail))
        else:
            await writer.add(Line(number, document, len(text)))
        if self._tally["refused"] > MAX_REFUSED:
            raise InvalidRequestError(f"More than {MAX_REFUSED} lines were refused: the rest was not read.")

    def _report(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Acknowledged):
            self._refuse(outcome.number, service_problem_body(self._request, outcome.error))
            return
        results = outcome.results
        chunks = sum(result.chunk_count for result in results)
        self._tally["documents"] += len(results)
        self._tally["chunks"] += chunks
        line: dict[str, Any] = {
            "lines": [outcome.lines[0], outcome.lines[-1]],
            "documents": len(results),
            "chunks": chunks,
            "already_existed": sum(result.already_existed for result in results),
        }
        if late := [result.document_id for result in results if result.stale]:
            line["stale"] = late
        self._outgoing.put_nowait(line)

    def _refuse(self, number: int, problem: dict[str, Any]) -> None:
        self._tally["refused"] += 1
        self._outgoing.put_nowait(problem | {"line": number})

    async def _drain(self) -> None:
        """Read on for a moment: a client that is still sending would miss the answer if it were cut off."""
        with suppress(Exception):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._request.stream():
                    pass


class Lines:
    """Cuts a stream into numbered lines, from 1; blank ones are counted and left out.

    Parameters
    ----------
    limit
        Bytes a line may have; of a longer one comes only its number, with None.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Give the lines that end in the next piece of the stream."""
        *ended, rest = piece.split(b"\n")
        for end in ended:
            self._keep(end)
            yield from self.rest()
        self._keep(rest)

    def rest(self) -> Iterator[tuple[int, bytes | None]]:
        """Give the line that has come so far, as its end."""
        self._number += 1
        line = b"".join(self._parts)
        too_long = self._size > self._limit
        self._parts, self._size = [], 0
        if too_long or line.strip():
            yield self._number, None if too_long else line

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            self._parts.clear()
        else:
            self._parts.append(part)
