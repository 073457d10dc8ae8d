"""What each call needs is written in one table, and the table is whole."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

from app.api.authorisation import NEEDS, OPEN
from app.main import create_app
from tests.conftest import make_settings


def app_of() -> FastAPI:
    return create_app(make_settings("postgresql://nobody@127.0.0.1:9/none"))


def routes_of(routes: Iterable[Any]) -> set[tuple[str, str]]:
    """Every call that is answered, those of routers within routers too."""
    found = set()
    for route in routes:
        if hasattr(route, "original_router"):
            found |= routes_of(route.original_router.routes)
        else:
            found |= {(method, route.path) for method in (getattr(route, "methods", None) or {"GET"}) - {"HEAD"}}
    return found


def test_every_route_says_what_it_needs() -> None:
    calls = routes_of(app_of().routes)
    pages = {(method, path) for method, path in calls if path in OPEN or path.startswith("/static-offline-docs")}
    assert calls - pages == set(NEEDS)
    assert {path for _, path in pages} >= OPEN
    assert {method for method, _ in pages} == {"GET"}
    assert all(needs.scopes for needs in NEEDS.values())


def test_the_page_lets_people_type_a_key_in() -> None:
    shown = app_of().openapi()
    assert shown["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, methods in shown["paths"].items():
        for method, operation in methods.items():
            guarded = (method.upper(), path) in {(each, name.replace(":text", "")) for each, name in NEEDS}
            assert bool(operation.get("security")) == guarded, (method, path)
