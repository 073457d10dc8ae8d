"""Requests that may come twice and must happen once (IETF draft httpapi-idempotency-key-header)."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class IdempotentRequest:
    """A write under a key of its caller's. The service notes in ``replayed`` that the answer is an earlier one."""

    tenant_id: str
    key: str
    digest: UUID
    """Of all that the request says: a repetition says the same."""
    replayed: bool = False
