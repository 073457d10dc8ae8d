"""The catalogue of indexes."""

from typing import Any

from app.domain.indexes import AnnState, Index, IndexSize
from app.domain.quantisation import Quantisation
from app.storage.database import Database, Session
from app.storage.statements import statement


class IndexRepository:
    """Reads and changes the catalogue. Those that take a session run in its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: str, name: str) -> Index | None:
        """Return the index of that name, if there is one."""
        async with self._database.session("search", latest=True) as session:
            return await self.find_in(session, tenant_id, name)

    async def find_in(self, session: Session, tenant_id: str, name: str) -> Index | None:
        """Return the same as seen by a transaction."""
        row = await session.fetch_row(statement("indexes/get_index"), tenant_id=tenant_id, name=name)
        return None if row is None else _index(row)

    async def list_all(self, tenant_id: str | None) -> list[Index]:
        """Return the indexes of a tenant, or of every tenant."""
        async with self._database.session("search", latest=True) as session:
            return [_index(row) for row in await session.fetch(statement("indexes/list_indexes"), tenant_id=tenant_id)]

    async def lock(self, session: Session, tenant_id: str, name: str) -> None:
        """Wait for whoever creates or drops the same index."""
        await session.execute(statement("indexes/lock_index_name"), name=f"{tenant_id}\n{name}")

    async def create(self, session: Session, **values: str | int | bool) -> Index:
        """Enter an index and make its tables. The caller holds the lock."""
        row = await session.fetch_row(statement("indexes/create_index"), None, **values)
        if row is None:
            raise AssertionError("INSERT … RETURNING returns a row")
        index = _index(row)
        await session.execute(
            statement("indexes/create_partitions"),
            index_id=index.index_id,
            dimension=index.embedding_dimension,
        )
        return index

    async def drop(self, session: Session, index: Index) -> None:
        """Drop an index with all it holds.

        Raises
        ------
        TablesBusyError
            Other statements were at the tables; nothing was done, and it may be tried again.
        """
        await session.execute(statement("indexes/limit_lock_wait"))
        await session.execute(statement("indexes/cancel_ann_build"), index)
        await session.execute(statement("indexes/lock_tables"))
        await session.execute(statement("indexes/drop_partitions"), index_id=index.index_id)
        await session.execute(statement("indexes/delete_index"), index_id=index.index_id)

    async def make_default(self, session: Session, index: Index) -> None:
        """Let search_documents() read this one."""
        await session.execute(statement("indexes/clear_default"), except_index_id=index.index_id)
        await session.execute(statement("indexes/set_default"), index_id=index.index_id)

    async def set_quantisation(self, session: Session, index: Index, quantisation: Quantisation | None) -> Index:
        """Say how the HNSW graph of an index is to hold embeddings; return the index as it is then."""
        row = await session.fetch_row(statement("indexes/set_quantisation"), index, quantisation=quantisation)
        return index if row is None else _index(row)

    async def settle_average_length(self, index: Index, average_length: float) -> float:
        """Settle the average length of chunks if nobody has; return the one that holds."""
        async with self._database.session("write") as session:
            row = await session.fetch_row(statement("indexes/set_average_length"), index, average_length=average_length)
        return average_length if row is None else float(row["average_length"])

    async def size(self, index: Index) -> IndexSize:
        """Count what an index holds."""
        async with self._database.session("search", latest=True) as session:
            row = await session.fetch_row(statement("indexes/get_index_size"), index)
        if row is None or row["bytes"] is None:
            return IndexSize(0, 0, 0)
        return IndexSize(**dict(row))

    async def ann_states(self) -> dict[int, AnnState]:
        """Return the state of the HNSW graphs there are, by index id."""
        async with self._database.session("search", latest=True) as session:
            rows = await session.fetch(statement("indexes/list_ann_states"))
        ready: dict[int, set[Quantisation]] = {row["index_id"]: set() for row in rows}
        building: dict[int, dict[Quantisation, float]] = {row["index_id"]: {} for row in rows}
        for row in rows:
            if row["ready"]:
                ready[row["index_id"]].add(row["quantisation"])
            else:
                building[row["index_id"]][row["quantisation"]] = row["progress"]
        return {index_id: AnnState(frozenset(found), building[index_id]) for index_id, found in ready.items()}


def _index(row: Any) -> Index:  # noqa: ANN401  asyncpg's records are untyped
    return Index(**dict(row))
