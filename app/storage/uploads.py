"""Documents that come in parts."""

from typing import Any
from uuid import UUID

from app.domain.indexes import Index
from app.storage.database import Database, Session
from app.storage.statements import statement


class UploadRepository:
    """Parts wait in ``upload_parts``; ``uploads`` keeps the answer of a commit for its repetition."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_part(self, index: Index, upload_id: UUID, part: int, body: bytes) -> None:
        """Store a part durably. One that comes after its commit is ignored: it is a repetition."""
        async with self._database.transaction() as session:
            row = await session.fetch_row(statement("uploads/create_upload"), index, upload_id=upload_id)
            if row is not None and row["result"] is None:
                await session.execute(statement("uploads/save_part"), index, upload_id=upload_id, part=part, body=body)

    async def lock(self, session: Session, index: Index, upload_id: UUID) -> tuple[bool, Any]:
        """Lock an upload; return whether it exists, and the answer of its commit if it had one."""
        row = await session.fetch_row(statement("uploads/lock_upload"), index, upload_id=upload_id)
        return row is not None, None if row is None else row["result"]

    async def parts(self, session: Session, index: Index, upload_id: UUID) -> list[int]:
        """Return the numbers of the parts that have come."""
        rows = await session.fetch(statement("uploads/list_parts"), index, upload_id=upload_id)
        return [row["part"] for row in rows]

    async def part(self, session: Session, index: Index, upload_id: UUID, part: int) -> bytes:
        """Return the body of a part."""
        row = await session.fetch_row(statement("uploads/get_part"), index, upload_id=upload_id, part=part)
        return b"" if row is None else row["body"]

    async def finish(self, session: Session, index: Index, upload_id: UUID, result: object) -> None:
        """Keep the answer of a commit and drop the parts."""
        await session.execute(statement("uploads/finish_upload"), index, upload_id=upload_id, result=result)
        await session.execute(statement("uploads/delete_parts"), index, upload_id=upload_id)

    async def delete(self, index: Index, upload_id: UUID) -> bool:
        """Forget an upload; return whether there was one."""
        async with self._database.transaction() as session:
            row = await session.fetch_row(statement("uploads/delete_upload"), index, upload_id=upload_id)
        return row is not None
