"""What Onyx does at its start for many tenants."""

DISABLE_VECTOR_DB = False
set_up: list[str] = []


def setup_multitenant_onyx() -> None:
    set_up.append("previous engine")
