"""A stand-in for Vespa's document/v1 visits and its search, faithful where an import could stumble.

Pages are larger or smaller than asked for, or empty with more to come; answers break off, fail or are slow when
told to. The real `vespa visit` reads it too.
"""

import asyncio
import base64
import json
import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from time import time
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.domain.migration_vespa import FIELDS
from tests.standins.scoring import Field, Scores, best, closeness, cosines, min_max, total, words_of

Rows = Mapping[str, dict[str, Any]]

TENSORS = {"embeddings": "tensor<float>(t{},x[%d])", "title_embedding": "tensor<float>(x[%d])"}
HANDLER = "com.yahoo.document.restapi.resource.DocumentV1ApiHandler"
SIZES = (1.0, 0.0, 2.0, 0.34)
"""Page sizes in turn, as parts of what was asked for."""

_LARGE = re.compile(r"^\w+\.large_chunk_reference_ids == null$")
_EQUALS = re.compile(r"^\w+\.(tenant_id|document_id)\s*==\s*'(.*)'$")


@dataclass
class VespaStandIn:
    """Rows, and the troubles that requests meet.

    Parameters
    ----------
    rows
        Fields by the key in the row's id.
    troubles
        By slice, what befalls its requests in turn: an HTTP status, "cut", "drop", "short" or "slow".
    """

    rows: Mapping[str, dict[str, Any]]
    schema: str = "danswer_chunk"
    sizes: Sequence[float] = SIZES
    troubles: dict[int, list[int | str]] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    on_page: Any = None
    pause: float = 0.3
    selects: bool = True

    def app(self) -> Starlette:
        """Build the application."""
        return Starlette(
            routes=[
                Route("/", self._root),
                Route("/search/", self._search, methods=["GET", "POST"]),
                Route("/document/v1/", self._visit),
                Route("/document/v1/{namespace}/{schema}/docid", self._visit),
            ]
        )

    async def _root(self, _request: Request) -> Response:
        handler = {"id": "document", "class": HANDLER, "bundle": "x", "serverBindings": ["http://*/document/v1/*"]}
        return JSONResponse({"handlers": [handler]})

    async def _visit(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.requests.append(asked)
        if asked.get("cluster") == "*":
            return _error(400, "Your Vespa deployment has no content cluster '*', only 'search'")
        if asked.get("bucketSpace") == "global":
            return JSONResponse({"pathId": request.url.path, "documents": [], "documentCount": 0})
        names = set(asked.get("fieldSet", "").partition(":")[2].split(",")) - {""}
        known = {*FIELDS, *(name for fields in self.rows.values() for name in fields)}
        if names - known:
            return _error(400, f"No such field: {', '.join(sorted(names - known))}")
        slices, slice_id = int(asked.get("slices", 1)), int(asked.get("sliceId", 0))
        trouble = self.troubles[slice_id].pop(0) if self.troubles.get(slice_id) else None
        if isinstance(trouble, int):
            return _error(trouble, "Timed out, or too busy")
        if trouble == "slow":
            await asyncio.sleep(self.pause)
        try:
            matching = self._matching(asked.get("selection"), slices, slice_id)
            start, turn = _position(asked, slices, slice_id)
        except ValueError as error:
            return _error(400, str(error))
        size = int(int(asked.get("wantedDocumentCount", 1)) * self.sizes[turn % len(self.sizes)])
        page = matching[start : start + size]
        end = start + size
        if self.on_page is not None:
            await self.on_page(slice_id, page)
        bodies = [self._document(key, asked) for key in page]
        rest: dict[str, Any] = {"documentCount": len(bodies)}
        if end < len(matching):
            rest["continuation"] = _token(asked, slices, slice_id, end, turn + 1)
        if trouble == "short":
            bodies = bodies[:-1]
        return StreamingResponse(_body(request.url.path, bodies, rest, trouble), media_type="application/json")

    def _matching(self, selection: str | None, slices: int, slice_id: int) -> list[str]:
        tests = [] if not selection or not self.selects else selection.split(" and ")
        keys = []
        for key, fields in self.rows.items():
            if zlib.crc32(key.encode()) % slices == slice_id and all(_passes(test, fields) for test in tests):
                keys.append(key)
        return keys

    def _document(self, key: str, asked: Mapping[str, str]) -> bytes:
        names = None
        if (asked.get("fieldSet") or "[").partition(":")[2]:
            names = set(asked["fieldSet"].partition(":")[2].split(","))
        form = asked.get("format.tensors", "short")
        fields = {
            name: _tensor(name, value, form) for name, value in self.rows[key].items() if names is None or name in names
        }
        document = {"id": f"id:default:{self.schema}::{key}", "fields": fields}
        return json.dumps(document, ensure_ascii=True).encode()  # as Java does: lone surrogates survive as escapes

    async def _search(self, request: Request) -> Response:
        asked: dict[str, Any] = dict(request.query_params)
        if request.method == "POST":
            asked |= orjson.loads(await request.body())
        if " where true" in asked["yql"]:
            return JSONResponse({"root": {"fields": {"totalCount": len(self.rows)}}})
        ranked = best(self._scores(asked), int(asked["hits"]))
        hits = [
            {"id": key, "relevance": score, "fields": {n: self.rows[key][n] for n in ("document_id", "chunk_id")}}
            for key, score in ranked
        ]
        return JSONResponse({"root": {"fields": {"totalCount": len(self.rows)}, "children": hits}})

    def _scores(self, asked: Mapping[str, Any]) -> Scores:
        """Rank by the profiles of Onyx's schema: admin_search, else the hybrid one with the inputs given."""
        rows = {
            key: fields
            for key, fields in self.rows.items()
            if isinstance(fields.get("embeddings"), dict) and "content" in fields and "chunk_id" in fields
        }
        query = words_of(asked.get("query", ""))
        titles = Field({key: str(fields.get("title") or "") for key, fields in rows.items()}).match(query)
        contents = Field({key: str(fields["content"]) for key, fields in rows.items()}).match(query)
        if asked["ranking.profile"] == "admin_search":
            return total((1.0, contents), (5.0, titles))
        return self._hybrid(asked, rows, titles, contents)

    @staticmethod
    def _hybrid(asked: Mapping[str, Any], rows: Rows, titles: Scores, contents: Scores) -> Scores:
        alpha, ratio, decay = (
            float(asked[f"input.query({name})"]) for name in ("alpha", "title_content_ratio", "decay_factor")
        )
        vector = asked["input.query(query_embedding)"]
        near = cosines({key: fields["embeddings"]["full_chunk"] for key, fields in rows.items()}, vector)
        near = {key: closeness(cosine) for key, cosine in near.items()}
        titled = cosines({key: f["title_embedding"] for key, f in rows.items() if f.get("title_embedding")}, vector)
        title = {key: max(near[key], closeness(titled.get(key, -1.0))) for key in near}
        nothing = dict.fromkeys(near, 0.0)
        scores = total(
            (alpha * ratio, min_max(title)),
            (alpha * (1 - ratio), min_max(near)),
            ((1 - alpha) * ratio, min_max(nothing | titles)),
            ((1 - alpha) * (1 - ratio), min_max(nothing | contents)),
        )
        if decay:
            scores = {key: score * _factor(rows[key], decay) for key, score in scores.items()}
        return scores


def _factor(fields: Mapping[str, Any], decay: float) -> float:
    """Boost and recency."""
    boost = float(fields.get("boost") or 0.0)
    boosted = 0.5 + 1 / (1 + exp(-boost / 3)) if boost < 0 else 2 / (1 + exp(-boost / 3))
    years = max(0.0, time() - float(fields.get("doc_updated_at") or time() - 7_890_000)) / 31_536_000
    return boosted * max(1 / (1 + decay * years), 0.75)


def _passes(test: str, fields: Mapping[str, Any]) -> bool:
    if _LARGE.match(test):
        return not fields.get("large_chunk_reference_ids")
    if found := _EQUALS.match(test):
        return bool(fields.get(found[1]) == found[2])
    raise ValueError(f"Failed to parse document selection: {test}")


def _position(asked: Mapping[str, str], slices: int, slice_id: int) -> tuple[int, int]:
    if "continuation" not in asked:
        return 0, 0
    of_slices, of_slice, of_selection, start, turn = orjson.loads(base64.b64decode(asked["continuation"]))
    if [of_slices, of_slice, of_selection] != [slices, slice_id, asked.get("selection")]:
        raise ValueError("The continuation token belongs to another visit")
    return start, turn


def _token(asked: Mapping[str, str], slices: int, slice_id: int, end: int, turn: int) -> str:
    return base64.b64encode(orjson.dumps([slices, slice_id, asked.get("selection"), end, turn])).decode()


async def _body(path: str, bodies: list[bytes], rest: dict[str, Any], trouble: object) -> AsyncIterator[bytes]:
    yield b'{"pathId":' + orjson.dumps(path) + b',"documents":['
    for number, body in enumerate(bodies):
        if trouble in {"cut", "drop"} and number == len(bodies) // 2:
            if trouble == "cut":
                yield body[: len(body) // 2]
            raise ConnectionResetError("told to break off")
        yield (b"," if number else b"") + body
    yield b"]," + orjson.dumps(rest)[1:]


def _tensor(name: str, value: object, form: str) -> object:
    if name not in TENSORS or not isinstance(value, dict | list):
        return value
    if form == "short-value":
        return value
    dimension = len(value) if isinstance(value, list) else len(next(iter(value.values()), []))
    kind = {"type": TENSORS[name] % dimension}
    if form == "long":
        blocks: dict[str | None, list[float]] = {None: value} if isinstance(value, list) else value
        cells = [
            {"address": ({} if label is None else {"t": label}) | {"x": str(place)}, "value": number}
            for label, numbers in blocks.items()
            for place, number in enumerate(numbers)
        ]
        return kind | {"cells": cells}
    return kind | ({"values": value} if isinstance(value, list) else {"blocks": value})


def _error(status: int, message: str) -> Response:
    return JSONResponse({"pathId": "/document/v1/", "message": message}, status)
