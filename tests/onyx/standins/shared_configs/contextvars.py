"""For whom Onyx works at the moment."""

from contextvars import ContextVar

CURRENT_TENANT_ID_CONTEXTVAR: ContextVar[str] = ContextVar("tenant", default="public")


def get_current_tenant_id() -> str:
    return CURRENT_TENANT_ID_CONTEXTVAR.get()
