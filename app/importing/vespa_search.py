"""The searches Onyx puts to Vespa, without filters: its query language and rank profiles (vespa_document_index.py)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.domain.migration import RealIds
from app.domain.ranking import RankProfile
from app.domain.search import Mode
from app.domain.verification import Question, Ranking
from app.importing.http_pages import Connection, Patience, get_json, open_client

_TIMEOUT = 60.0
_PATIENCE = Patience(4, 0.5)


class VespaSearch:
    """Vespa's search under the rank profiles of Onyx's schema."""

    rank_profile: ClassVar[RankProfile] = "vespa"

    def __init__(self, connection: Connection, schema: str, hybrid_profile: str, real_ids: RealIds) -> None:
        self._http = open_client(connection, read_timeout=_TIMEOUT)
        self._schema = schema
        self._hybrid_profile = hybrid_profile
        self._originals = real_ids.originals

    async def rank(self, mode: Mode, question: Question, limit: int) -> Ranking:
        """Ask as Onyx does; meaning alone, for which it has no call, is the hybrid profile with everything else off."""
        target = max(100, 4 * limit)
        content, title = (
            f"({{targetHits: {target}}}nearestNeighbor({field}, query_embedding))"
            for field in ("embeddings", "title_embedding")
        )
        words = '({grammar: "weakAnd"}userInput(@query))'
        where = {"semantic": content, "keyword": words, "hybrid": f"{content} or {title} or {words}"}[mode]
        body: dict[str, Any] = {
            "yql": f"select document_id, chunk_id from {self._schema} where {where}",  # noqa: S608  YQL, read only
            "ranking.profile": "admin_search" if mode == "keyword" else self._hybrid_profile,
            "hits": limit,
            "timeout": "30s",
        }
        if mode != "semantic":
            body["query"] = question.text
        if mode != "keyword":
            hybrid = mode == "hybrid"
            body |= {
                "input.query(query_embedding)": question.embedding.tolist(),
                "input.query(alpha)": 0.5 if hybrid else 1.0,
                "input.query(title_content_ratio)": 0.1 if hybrid else 0.0,
                "input.query(decay_factor)": 0.5 if hybrid else 0.0,
            }
        answer = await get_json(self._http, "POST", "/search/", _PATIENCE, body=body)
        root = answer.get("root")
        hits = root.get("children", []) if isinstance(root, Mapping) else []
        return [(self._name(hit["fields"]), int(hit["fields"]["chunk_id"])) for hit in hits]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _name(self, fields: Mapping[str, Any]) -> str:
        stored = str(fields["document_id"])
        return self._originals.get(stored, stored)
