"""The console: a page of its own, served from app/console as it lies there."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.api.problems import HttpError
from app.api.schemas.search import SearchBody

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).resolve().parents[1] / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page shows what others wrote: it runs and fetches nothing but its own files and this service."""

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: browsers keep it, and ask by its tag whether it still holds."""

    media_type: str
    content: bytes
    compressed: bytes
    tag: str


@router.get("/")
async def home(request: Request) -> Response:
    """A page that leads to the others."""
    return _answer(request, "home.html")


@router.get("/console")
async def console(request: Request) -> Response:
    """The page itself; its query string holds a search."""
    return _answer(request, "index.html")


@router.get("/console/")
async def console_folder() -> Response:
    """To the address that the page's own links are relative to."""
    return RedirectResponse("../console", status_code=308)


@router.get("/console/{name}")
async def console_file(request: Request, name: str) -> Response:
    """A file of the page, or the schema its filter builder is made from."""
    return _answer(request, name)


def _answer(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise HttpError(404, "The console has no such file.")
    headers = {
        "Cache-Control": "no-cache",
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(file.content, media_type=file.media_type, headers=headers)


@cache
def _files() -> dict[str, StaticFile]:
    contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _MEDIA_TYPES}
    contents["search.json"] = orjson.dumps(_search_schema())
    return {name: _static(name, content) for name, content in contents.items()}


def _static(name: str, content: bytes) -> StaticFile:
    # A weak tag: it stands for both forms.
    tag = f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    return StaticFile(_MEDIA_TYPES[Path(name).suffix], content, gzip.compress(content, mtime=0), tag)


def _search_schema() -> dict[str, Any]:
    """Describe what a search takes, without what a page has no use for."""
    schema = SearchBody.model_json_schema()
    return {name: schema[name] for name in ("properties", "$defs")}
