"""The searches Onyx puts to OpenSearch, with no filter but the tenant's (opensearch/search.py)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.domain.ranking import RankProfile
from app.domain.search import Mode
from app.domain.verification import Question, Ranking
from app.importing.http_pages import Connection, Patience, get_json, open_client

_TIMEOUT = 60.0
_PATIENCE = Patience(4, 0.5)
_CANDIDATES = 500

# Sent along, so that nothing is asked of what is set up in the cluster.
_MIN_MAX = {
    "phase_results_processors": [
        {
            "normalization-processor": {
                "normalization": {"technique": "min_max"},
                "combination": {"technique": "arithmetic_mean", "parameters": {"weights": [0.5, 0.5]}},
            }
        }
    ]
}


class OpenSearchSearch:
    """OpenSearch's k-NN, full-text and hybrid queries on the fields Onyx uses."""

    rank_profile: ClassVar[RankProfile] = "opensearch"

    def __init__(self, connection: Connection, index: str, source_tenant: str | None) -> None:
        self._http = open_client(connection, read_timeout=_TIMEOUT)
        self._index = index
        self._filters = [] if source_tenant is None else [{"term": {"tenant_id": source_tenant}}]

    async def rank(self, mode: Mode, question: Question, limit: int) -> Ranking:
        """Ask as Onyx does."""
        nearest = {"knn": {"content_vector": {"vector": question.embedding.tolist(), "k": _CANDIDATES}}}
        body: dict[str, Any] = {"size": limit, "_source": ["document_id", "chunk_index"]}
        if mode == "hybrid":
            queries = {"queries": [nearest, _words(question.text)], "pagination_depth": _CANDIDATES}
            body |= {"query": {"hybrid": queries | self._filter()}, "search_pipeline": _MIN_MAX}
        elif mode == "keyword":
            words = _words(question.text)["bool"]
            body["query"] = {"bool": words | ({"filter": self._filters} if self._filters else {})}
        else:
            nearest["knn"]["content_vector"] |= self._filter()
            body["query"] = nearest
        answer = await get_json(self._http, "POST", f"/{self._index}/_search", _PATIENCE, body=body)
        outer = answer.get("hits")
        hits = outer.get("hits", []) if isinstance(outer, Mapping) else []
        return [(str(hit["_source"]["document_id"]), int(hit["_source"]["chunk_index"])) for hit in hits]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _filter(self) -> dict[str, Any]:
        return {"filter": {"bool": {"filter": self._filters}}} if self._filters else {}


def _words(text: str) -> dict[str, Any]:
    """Look for words and for the phrase, in titles a little and in texts."""
    should = []
    for name, any_word, phrase in (("title", 0.1, 0.2), ("content", 1.0, 1.5)):
        should.append({"match": {name: {"query": text, "operator": "or", "boost": any_word}}})
        should.append({"match_phrase": {name: {"query": text, "slop": 1, "boost": phrase}}})
    return {"bool": {"should": should, "minimum_should_match": 1}}
