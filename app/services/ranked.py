"""Keyword and hybrid search from the query to the page, each in one snapshot of the database."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from app.domain.indexes import Index
from app.domain.ranking import RankProfile
from app.domain.search import Answer, Search
from app.domain.vectors import Vector
from app.services.access import AccessResolver
from app.services.hybrid import Ranked, Surroundings, find_hybrid
from app.services.interpreting import Interpreted, QueryInterpreter
from app.services.keyword import SMALL, Found, find_keyword
from app.services.nearest import Nearest, wanted_by
from app.services.paging import HYBRID_LIFT, LIFTED_HEAD, Scored, keyword_lift, make_page
from app.services.planning import NearestPlanner
from app.services.statistics import IndexStatistics
from app.storage.candidates import CandidateReader
from app.storage.database import Database

Rows = Sequence[Mapping[str, Any]]
Values = Mapping[str, object]
Attempt = Callable[[CandidateReader, Values], Awaitable[tuple[Answer, Rows]]]


class RankedSearch:
    """Answers keyword and hybrid searches."""

    def __init__(
        self,
        database: Database,
        access: AccessResolver,
        statistics: IndexStatistics,
        interpreter: QueryInterpreter,
        planner: NearestPlanner,
    ) -> None:
        self._database = database
        self._access = access
        self._statistics = statistics
        self._interpreter = interpreter
        self._planner = planner

    async def keyword(self, index: Index, search: Search) -> Answer:
        """Rank by BM25."""
        query = await self._interpreter.interpret(index, search.query or "")

        async def attempt(reader: CandidateReader, values: Values) -> tuple[Answer, Rows]:
            share = await self._share(reader, index, values, search, query)
            limit = max(search.limit, LIFTED_HEAD)
            found = await find_keyword(reader, index, query, limit, share, force_exact=search.exact)
            hits = await make_page(reader, index, search, query, _scored_keyword(found), {}, lift=keyword_lift(query))
            return _answer_keyword(search, query, found, hits, share), found.rows

        return await self._run(index, search, attempt)

    async def hybrid(self, index: Index, search: Search, embedding: Vector, profile: RankProfile) -> Answer:
        """Rank by both lists, as a profile says."""
        query = await self._interpreter.interpret(index, search.query or "")
        background = await self._statistics.background_cosine(index)
        title_length = 1.0
        if profile in {"vespa", "opensearch"}:
            title_length = await self._statistics.title_length(index)
        standing = await self._planner.standing(index)

        async def attempt(reader: CandidateReader, values: Values) -> tuple[Answer, Rows]:
            async def nearest(embedding: Vector, limit: int) -> Nearest:
                wanted = wanted_by(search, embedding, limit)
                return await self._planner.find(reader, standing, values, wanted)

            share = await self._share(reader, index, values, search, query)
            around = Surroundings(share, background, title_length, nearest)
            ranked = await find_hybrid(reader, index, search, query, embedding, profile, around)
            hits = await make_page(
                reader,
                index,
                search,
                query,
                _scored_hybrid(ranked, max(search.limit, LIFTED_HEAD)),
                ranked.ranking.weights,
                lift=HYBRID_LIFT if profile == "default" else 0.0,
            )
            return Answer(
                hits,
                "hybrid",
                ranked.strategy,
                exact=ranked.exact,
                complete=ranked.complete,
                degraded=(*query.degraded, *ranked.degraded),
                rank_profile=profile,
                expansions=query.expansions,
                plan=(ranked.explained or _kept(query, share)) if search.explain else None,
            ), ranked.rows

        return await self._run(index, search, attempt)

    async def _run(self, index: Index, search: Search, attempt: Attempt) -> Answer:
        """Answer in one snapshot; in another if access lists came up that the filter did not know."""

        async def ask(values: Mapping[str, object]) -> tuple[Answer, Rows]:
            async with self._reader(index, values) as reader:
                return await attempt(reader, values)

        answer, _ = await self._access.answered(index, search.filters, ask)
        return answer

    async def _share(
        self, reader: CandidateReader, index: Index, values: Values, search: Search, query: Interpreted
    ) -> float:
        """Estimate which share of the index passes the filter, where something hangs on it or somebody asks."""
        if search.filters.is_open or (query.chunks <= SMALL and not search.explain):
            return 1.0
        return await self._planner.share(reader, index, values)

    @asynccontextmanager
    async def _reader(self, index: Index, values: Mapping[str, object]) -> AsyncIterator[CandidateReader]:
        async with self._database.session("search") as session, session.snapshot():
            yield CandidateReader(session, index, values)


def _scored_keyword(found: Found) -> list[Scored]:
    return [
        Scored(chunk, {"keyword": row["bm25"]}, {"bm25": row["bm25"]})
        for chunk, row in zip(found.chunks, found.rows, strict=True)
    ]


def _scored_hybrid(ranked: Ranked, count: int) -> list[Scored]:
    parts, features = ranked.ranking.parts, ranked.ranking.features
    return [
        Scored(
            chunk,
            {name: float(values[place]) for name, values in parts.items()},
            {name: float(values[place]) for name, values in features.items()},
        )
        for chunk, place in zip(ranked.chunks[:count], ranked.places[:count], strict=True)
    ]


def _answer_keyword(search: Search, query: Interpreted, found: Found, hits: list[Any], share: float) -> Answer:
    return Answer(
        hits,
        "keyword",
        found.strategy,
        exact=found.exact,
        complete=found.complete or len(found.rows) >= search.limit,
        degraded=(*query.degraded, *found.degraded),
        expansions=query.expansions,
        plan=_kept(query, share) if search.explain else None,
    )


def _kept(query: Interpreted, share: float) -> dict[str, Any]:
    """What is known of the filter where no way was chosen by price."""
    return {"chunks": query.chunks, "share": round(share, 6), "allowed": round(share * query.chunks)}
