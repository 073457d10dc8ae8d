"""The statements of the maintainer, on a connection of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.domain.indexes import Index
from app.domain.quantisation import Quantisation, embedding_bytes
from app.storage.database import Session
from app.storage.statements import statement
from app.storage.terms_upkeep import TermsUpkeepRepository

_KINDS: Mapping[Quantisation, str] = {"none": "ann", "bit": "bit_ann"}
"""What the statements about a graph of a quantisation are called by."""


@dataclass(frozen=True, slots=True)
class GraphWear:
    """Chunks of an index; embeddings removed since statistics were last reset; what a rebuild left."""

    chunks: int
    removed: int
    leftover: bool


class MaintenanceRepository:
    """Every call runs outside a transaction, on the session that holds the maintainer's lock."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def try_lock(self) -> bool:
        """Become the one maintainer; it lasts as long as the connection."""
        row = await self._session.fetch_row(statement("maintenance/try_lock"))
        return bool(row and row["locked"])

    def terms(self) -> TermsUpkeepRepository:
        """The statements about terms, on the same session."""
        return TermsUpkeepRepository(self._session)

    async def count_embeddings(self, index: Index) -> int:
        """Return about how many chunks an index has."""
        row = await self._session.fetch_row(statement("maintenance/count_embeddings"), index)
        return 0 if row is None else int(row["chunks"])

    async def is_filling(self, index: Index) -> bool:
        """Return whether an import is at work on an index."""
        row = await self._session.fetch_row(statement("maintenance/is_filling"), index)
        return bool(row and row["filling"])

    async def analyse(self, index: Index) -> None:
        """Refresh the statistics of an index's tables, without its terms: those are `TermsUpkeepRepository`'s."""
        await self._session.build(statement("maintenance/analyse_index"), index)

    async def build_ann(self, index: Index, m: int, ef_construction: int) -> None:
        """Build the HNSW graph that is asked for online, and let the planner know that it pays."""
        await self._set_build_memory(index)
        kind = _KINDS[index.quantisation]
        create = statement(f"maintenance/create_{kind}_index")
        await self._session.build(create, index, m=m, ef_construction=ef_construction)
        await self.analyse(index)

    async def rebuild_ann(self, index: Index, m: int, ef_construction: int) -> None:
        """Build the graph anew beside the one that answers, then put it in its place."""
        kind = _KINDS[index.quantisation]
        if index.quantisation == "none":  # a bit-quantised one is always built in the same way
            options = {"m": m, "ef_construction": ef_construction}
            await self._session.build(statement("maintenance/set_ann_options"), index, **options)
        await self._set_build_memory(index)
        await self._session.build(statement(f"maintenance/rebuild_{kind}_index"), index)

    async def drop_rebuilds(self, index: Index) -> None:
        """Drop what a rebuild left that was cut off."""
        for kind in _KINDS.values():
            await self._session.build(statement(f"maintenance/drop_rebuilt_{kind}_index"), index)

    async def graph_wear(self, index: Index) -> GraphWear:
        """Return how many chunks there are, how many were ever removed, and whether a rebuild was cut off."""
        row = await self._session.fetch_row(statement("maintenance/get_graph_wear"), index)
        return GraphWear(0, 0, leftover=False) if row is None else GraphWear(**row)

    async def set_graph(self, index: Index, graph: Mapping[str, object]) -> None:
        """Enter what was measured of a graph."""
        await self._session.execute(statement("maintenance/set_graph"), index, graph=graph)

    async def drop_ann(self, index: Index, quantisation: Quantisation) -> None:
        """Drop a graph: one whose build was interrupted, or that another one has replaced."""
        kind = _KINDS[quantisation]
        await self._session.build(statement(f"maintenance/drop_{kind}_index"), index)

    async def delete_stale_uploads(self, older_than: timedelta) -> int:
        """Sweep uploads nobody came back to; return how many."""
        return len(await self._session.fetch(statement("maintenance/delete_stale_uploads"), older_than=older_than))

    async def delete_old_answers(self, older_than: timedelta) -> int:
        """Sweep the answers of idempotency keys; return how many."""
        row = await self._session.fetch_row(statement("maintenance/delete_old_answers"), older_than=older_than)
        return 0 if row is None else int(row["swept"])

    async def delete_old_tombstones(self, older_than: timedelta) -> None:
        """Sweep the fences of documents that were deleted long ago."""
        await self._session.execute(statement("maintenance/delete_old_tombstones"), older_than=older_than)

    async def _set_build_memory(self, index: Index) -> None:
        size = embedding_bytes(index.embedding_dimension, index.quantisation)
        await self._session.fetch(statement("maintenance/set_build_memory"), index, embedding_bytes=size)
