"""A stand-in for OpenSearch's points in time, search_after and searches.

A point in time expires when told to, pages come partial, vectors are missing at the first look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins.scoring import Field, Scores, best, cosines, min_max, total, words_of

ORDER = ("document_id", "chunk_index", "max_chunk_size")


@dataclass
class OpenSearchStandIn:
    """Sources by ``_id``, and the troubles of searches in turn.

    Parameters
    ----------
    troubles
        What befalls searches: an HTTP status, "timed_out", "shard", "expired" or "vectorless".
    authorisation
        The header that must come, if any.
    """

    rows: Mapping[str, dict[str, Any]]
    index: str = "danswer_chunk"
    troubles: list[int | str] = field(default_factory=list)
    authorisation: str | None = None
    points: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    opened: int = 0

    def app(self) -> Starlette:
        """Build the application."""
        routes = [
            Route("/_search", self._page, methods=["POST"]),
            Route("/_search/point_in_time", self._close, methods=["DELETE"]),
            Route("/{index}/_search/point_in_time", self._open, methods=["POST"]),
            Route("/{index}/_refresh", self._refresh, methods=["POST"]),
            Route("/{index}/_count", self._count, methods=["POST"]),
            Route("/{index}/_mget", self._get, methods=["POST"]),
            Route("/{index}/_search", self._search, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _refresh(self, request: Request) -> Response:
        if self.authorisation not in {None, request.headers.get("authorization")}:
            return JSONResponse({"error": "Unauthorized"}, 401)
        return JSONResponse({"_shards": {"failed": 0}})

    async def _count(self, request: Request) -> Response:
        query = orjson.loads(await request.body())["query"]
        return JSONResponse({"count": sum(_matches(query, row) for row in self.rows.values())})

    async def _open(self, _request: Request) -> Response:
        self.opened += 1
        self.points[f"point-{self.opened}"] = dict(self.rows)
        return JSONResponse({"pit_id": f"point-{self.opened}"})

    async def _close(self, request: Request) -> Response:
        for point in orjson.loads(await request.body())["pit_id"]:
            self.points.pop(point, None)
        return JSONResponse({"pits": []})

    async def _get(self, request: Request) -> Response:
        ids = orjson.loads(await request.body())["ids"]
        return JSONResponse({"docs": [{"_id": name, "found": True, "_source": self.rows[name]} for name in ids]})

    async def _page(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, int):
            return JSONResponse({"error": {"type": "circuit_breaking_exception"}}, trouble)
        if trouble == "expired":
            self.points.clear()
        point = self.points.get(asked["pit"]["id"])
        if point is None:
            return JSONResponse({"error": {"type": "search_context_missing_exception"}}, 404)
        assert [next(iter(key)) for key in asked["sort"]] == list(ORDER)
        found = sorted(
            ([row[name] for name in ORDER], key) for key, row in point.items()
            if _matches(asked["query"], row) and _in_slice(asked.get("slice"), key)
        )  # fmt: skip
        page = [item for item in found if "search_after" not in asked or item[0] > asked["search_after"]]
        page = page[: asked["size"]]
        if trouble == "timed_out":
            page = page[: len(page) // 2]
        hits = [{"_index": self.index, "_id": key, "_score": None, "_source": point[key], "sort": s} for s, key in page]
        if trouble == "vectorless" and hits:
            source = point[page[0][1]]
            hits[0]["_source"] = {name: value for name, value in source.items() if name != "content_vector"}
        shards = {"total": 1, "failed": 1 if trouble == "shard" else 0}
        body = {"took": 1, "timed_out": trouble == "timed_out", "_shards": shards, "pit_id": asked["pit"]["id"]}
        return JSONResponse(body | {"hits": {"max_score": None, "hits": hits}})

    async def _search(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        ranked = best(self._scores(asked["query"]), asked["size"])
        hits = [
            {"_id": k, "_score": score, "_source": {n: self.rows[k][n] for n in asked["_source"]}}
            for k, score in ranked
        ]
        return JSONResponse({"hits": {"hits": hits}})

    def _scores(self, query: Mapping[str, Any]) -> Scores:
        """k-NN, the four clauses about words, or both of them under min-max."""
        if "knn" in query:
            vector = query["knn"]["content_vector"]["vector"]
            near = cosines({key: row["content_vector"] for key, row in self.rows.items()}, vector)
            return {key: (1 + cosine) / 2 for key, cosine in near.items()}
        if "bool" in query:
            return total(*map(self._clause, query["bool"]["should"]))
        depth = query["hybrid"]["pagination_depth"]
        parts = [min_max(dict(best(self._scores(part), depth)), 0.001) for part in query["hybrid"]["queries"]]
        return total(*((0.5, part) for part in parts))

    def _clause(self, clause: Mapping[str, Any]) -> tuple[float, Scores]:
        [(kind, of_field)] = clause.items()
        [(name, asked)] = of_field.items()
        field = Field({key: str(row[name] or "") for key, row in self.rows.items()})
        query = words_of(asked["query"])
        scores = field.match(query) if kind == "match" else field.match_phrase(query, asked["slop"])
        return asked["boost"], scores


def _matches(query: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    if "match_all" in query:
        return True
    name, value = next(iter(query["term"].items()))
    return bool(row.get(name) == value)


def _in_slice(asked: Mapping[str, int] | None, key: str) -> bool:
    return asked is None or sum(key.encode()) % asked["max"] == asked["id"]
