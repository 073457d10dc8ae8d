"""Searching: which mode, with what, and what is found means."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from uuid import uuid4

from app.domain.checks import check_embedding
from app.domain.errors import EmbeddingMissingError, Flaw, InvalidRequestError, ServiceError
from app.domain.indexes import Index
from app.domain.search import Answer, Hit, Mode, Search, readable_expansions
from app.domain.vectors import Vector
from app.embedding.client import EmbeddingClient
from app.observability import metrics
from app.observability.phases import EMBEDDING, database_seconds, phase, timed_phases
from app.services.access import AccessResolver
from app.services.admission import Gate
from app.services.catalog import IndexCatalog
from app.services.hurrying import answer_in_time
from app.services.nearest import Nearest, wanted_by
from app.services.planning import NearestPlanner
from app.services.ranked import RankedSearch
from app.storage.search import SearchRepository

Values = Mapping[str, object]
Rows = Sequence[Mapping[str, Any]]

_NO_EMBEDDING = "No embedding came, and no endpoint is configured that would make one: searched by keywords alone."
_NO_QUERY = "No query came: ranked by the embedding alone."


class SearchService:
    """Answers searches."""

    def __init__(
        self,
        catalog: IndexCatalog,
        access: AccessResolver,
        search: SearchRepository,
        ranked: RankedSearch,
        planner: NearestPlanner,
        embedder: EmbeddingClient | None,
        gate: Gate,
    ) -> None:
        self._catalog = catalog
        self._access = access
        self._search = search
        self._ranked = ranked
        self._planner = planner
        self._embedder = embedder
        self._gate = gate

    async def search(self, tenant_id: str, index_name: str | None, search: Search) -> Answer:
        """Answer one search.

        Raises
        ------
        InvalidRequestError
            The mode needs what was not given, or the embedding is not the index's.
        AccessListMissingError
            The index is under access control and the filters do not speak of it.
        DeadlineError
            It took longer than its timeout.
        OverloadedError
            Too many searches are waiting.
        """
        index = await self._catalog.get(tenant_id, index_name)
        mode = self._mode(search)
        with _observed(mode) as observed:
            answer = await answer_in_time(mode, search, lambda how, what: self._admitted(index, how, what))
            observed.strategy = answer.strategy
            if search.filters.access_control_list is not None:
                answer.expansions = readable_expansions(answer)
            if search.explain:
                answer.phases = observed.phases
        return answer

    async def rehearse(self, index: Index, search: Search) -> None:
        """Search for the sake of searching: it counts in no metric of searches."""
        await self._answer(index, self._mode(search), search)

    def _mode(self, search: Search) -> Mode:
        """Choose a mode by what is given; hybrid becomes keyword where no embedding can be had."""
        can_embed = search.embedding is not None or (bool(search.query) and self._embedder is not None)
        if search.mode is None:
            if search.query:
                return "hybrid" if can_embed else "keyword"
            return "random" if search.embedding is None else "semantic"
        if search.mode == "hybrid" and search.query and not can_embed:
            return "keyword"
        return search.mode

    async def _admitted(self, index: Index, mode: Mode, search: Search) -> Answer:
        async with self._gate.entered():
            return await self._answer(index, mode, search)

    async def _answer(self, index: Index, mode: Mode, search: Search) -> Answer:
        if mode == "random":
            return await self._random(index, search)
        if mode == "semantic":
            return await self._semantic(index, search)
        profile = search.rank_profile or index.rank_profile
        if mode == "keyword":
            if search.query is None:
                raise InvalidRequestError(
                    "Keyword search needs a query.", [Flaw("/query", "required", "The words to look for.")]
                )
            answer = await self._ranked.keyword(index, search)
            if search.mode == "hybrid":
                answer.degraded = (_NO_EMBEDDING, *answer.degraded)
            return answer
        embedding = await self._embedding(index, search)
        answer = await self._ranked.hybrid(index, search, embedding, profile)
        if not search.query:
            answer.degraded = (_NO_QUERY, *answer.degraded)
        return answer

    async def _semantic(self, index: Index, search: Search) -> Answer:
        embedding = await self._embedding(index, search)
        wanted = wanted_by(search, embedding, search.limit)
        standing = await self._planner.standing(index)

        async def attempt(values: Values) -> Nearest:
            return await self._planner.find(self._search.reader(index, values), standing, values, wanted)

        found = await self._run(index, search, attempt)
        hits = [_semantic_hit(row, explain=search.explain) for row in found.rows if row["distance"] == row["distance"]]
        if search.min_score is not None:
            hits = [hit for hit in hits if hit.score >= search.min_score]
        return Answer(
            hits,
            "semantic",
            found.strategy,
            exact=found.exact,
            complete=found.complete,
            plan=(search.explain and found.explained()) or None,
        )

    async def _random(self, index: Index, search: Search) -> Answer:
        async def attempt(values: Values) -> Nearest:
            rows = await self._search.reader(index, values).random_chunks(uuid4(), search.limit)
            return Nearest(rows, "random", exact=True)

        found = await self._run(index, search, attempt)
        hits = [Hit(row, score=1.0) for row in found.rows]
        return Answer(hits, "random", "random", exact=True, complete=True)

    async def _run(self, index: Index, search: Search, attempt: Callable[[Values], Awaitable[Nearest]]) -> Nearest:
        """Search with the filters; again if access lists came up that they did not know."""

        async def ask(values: Values) -> tuple[Nearest, Rows]:
            found = await attempt(values)
            return found, found.rows

        found, _ = await self._access.answered(index, search.filters, ask)
        return found

    async def _embedding(self, index: Index, search: Search) -> Vector:
        """Take the embedding that came, or have one made; it has a direction and fits the index."""
        embedding = search.embedding
        if embedding is None and search.query and self._embedder is not None:
            with phase(EMBEDDING):
                embedding = (await self._embedder.embed([search.query], index.embedding_dimension))[0]
        if embedding is None:
            raise EmbeddingMissingError(
                "This search needs an embedding: none came, and no endpoint is configured that would make one.",
                [Flaw("/embedding", "required", "An array of numbers, or base64 of little-endian float32.")],
            )
        check_embedding(index, embedding)
        if not embedding.any():
            raise InvalidRequestError(
                "A zero vector has no direction to search in.",
                [Flaw("/embedding", "zero_vector", "Every number is 0.")],
            )
        return embedding


def _semantic_hit(row: Mapping[str, Any], *, explain: bool) -> Hit:
    cosine = min(1.0, max(-1.0, 1.0 - row["distance"]))  # numpy takes twenty times as long for one number
    score = (1.0 + cosine) / 2.0
    return Hit(row, score, {"cosine": cosine} | ({"part_vector": score} if explain else {}))


@dataclass(slots=True)
class _Observed:
    """How a search goes: the seconds of its phases, and in the end its strategy."""

    phases: dict[str, float]
    strategy: str = ""


@contextmanager
def _observed(mode: Mode) -> Iterator[_Observed]:
    """Count and time a search; the caller tells its strategy."""
    started = perf_counter()
    with metrics.labelled(metrics.SEARCHES_IN_PROGRESS, mode).track_inprogress(), timed_phases() as phases:
        observed = _Observed(phases)
        try:
            yield observed
        except ServiceError as error:
            metrics.SEARCH_ERRORS.labels(mode, error.code).inc()
            raise
        except Exception:
            metrics.SEARCH_ERRORS.labels(mode, "internal").inc()
            raise
    seconds = perf_counter() - started
    database = database_seconds(observed.phases)
    metrics.labelled(metrics.SEARCHES, mode, observed.strategy).inc()
    metrics.labelled(metrics.SEARCH_SECONDS, mode, observed.strategy).observe(seconds)
    metrics.labelled(metrics.SEARCH_DATABASE_SECONDS, mode, observed.strategy).observe(database)
    metrics.labelled(metrics.SEARCH_OVERHEAD_SECONDS, mode).observe(max(0.0, seconds - database))
