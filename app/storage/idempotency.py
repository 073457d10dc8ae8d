"""Idempotency keys and the answers they were given."""

from typing import Any

from app.domain.errors import Flaw, IdempotencyKeyInUseError, IdempotencyKeyReusedError
from app.domain.idempotency import IdempotentRequest
from app.storage.database import Session
from app.storage.statements import statement


class IdempotencyRepository:
    """Rows of ``idempotency_keys``, in the transaction of the write they belong to."""

    async def claim(self, session: Session, request: IdempotentRequest) -> list[dict[str, Any]] | None:
        """Have a key alone; return the results it was answered with before, None at the first time.

        Raises
        ------
        IdempotencyKeyInUseError
            Another request is under way with it.
        IdempotencyKeyReusedError
            It was another request's.
        """
        row = await session.fetch_row(statement("idempotency/claim_key"), tenant_id=request.tenant_id, key=request.key)
        if row is None or not row["claimed"]:
            raise IdempotencyKeyInUseError("A request with this Idempotency-Key is under way; try again.")
        if row["digest"] is None:
            return None
        if row["digest"] != request.digest:
            raise IdempotencyKeyReusedError(
                "Each request needs a key of its own.",
                [Flaw("", "reused", "Another request came with this key.", "Idempotency-Key")],
            )
        results: list[dict[str, Any]] = row["results"]
        return results

    async def save(self, session: Session, request: IdempotentRequest, results: list[dict[str, Any]]) -> None:
        """Keep the results for the repetition of a request.

        Raises
        ------
        IdempotencyKeyInUseError
            The answer of another request was committed since `claim` looked; nothing may be written.
        """
        row = await session.fetch_row(
            statement("idempotency/save_answer"),
            tenant_id=request.tenant_id,
            key=request.key,
            digest=request.digest,
            results=results,
        )
        if row is None:
            raise IdempotencyKeyInUseError("A request with this Idempotency-Key ended just now; try again.")
