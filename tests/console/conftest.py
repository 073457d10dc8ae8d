"""The service with the sample corpus, and a real browser that looks at its console."""

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from typing_extensions import override

from app import embedded
from app.main import create_app
from app.settings import Settings
from tests.api.calls import Json
from tests.conftest import ROOT, make_settings, temporary_database
from tests.support.browser import axe_source, find_browser

KEY = "sk-one-that-may"
GUARDED = "guarded"
READERS = {"for-ann": ["user_email:ann@x.io"], "for-eng": ["group:eng"], "for-all": []}


Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    scheme: Scheme
    width: int

    @override
    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"


LOOKS = [Look(scheme, width) for scheme in SCHEMES for width in (390, 1440)]


@dataclass(frozen=True, slots=True)
class Site:
    """A running service and its database."""

    url: str
    dsn: str
    http: httpx.Client

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:  # noqa: ANN401  JSON
        """Call the service as any client does."""
        answer = self.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def search(self, **body: object) -> Json:
        """Search the default index."""
        found: Json = self.ask("POST", "/search", {"filters": {"access_control_list": None}, "explain": True} | body)
        return found


@dataclass
class Visitor:
    """Opens pages, and remembers what must not happen on any of them."""

    site: Site
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, address: str = "", *, scheme: Scheme = "light", width: int = 1440, **options: Any) -> Page:  # noqa: ANN401
        """Open the console at a query string, such as ``?q=words``."""
        options = {"reduced_motion": "reduce"} | options
        height = 844 if width < 900 else 900
        context = self.browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)
        page.goto(f"{self.site.url}/console{address}")
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if not any(text in message.text for text in self.expected):
            self.complaints.append(f"{message.type}: {message.text}")

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((f"{self.site.url}/", "data:")):
            self.complaints.append(f"asked for {request.url}")


@contextmanager
def serving(settings: Settings, dsn: str) -> Iterator[Site]:
    """Serve on a free port of the loopback interface, in a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None, ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    site = Site(url, dsn, httpx.Client(base_url=url, timeout=30))
    try:
        deadline = time.monotonic() + 30
        while _readiness(site) != httpx.codes.OK:
            assert time.monotonic() < deadline, "the service did not become ready"
            time.sleep(0.05)
        yield site
    finally:
        site.http.close()
        server.should_exit = True
        thread.join()


def _readiness(site: Site) -> int:
    try:
        return site.http.get("/health/ready").status_code
    except httpx.TransportError:
        return 0


@pytest.fixture(scope="session")
def site(postgres: embedded.EmbeddedServer, template: str) -> Iterator[Site]:
    """The sample corpus in the default index, and three documents under access control beside it."""
    with asyncio.Runner() as runner:
        database = temporary_database(postgres, template)
        dsn = runner.run(database.__aenter__())
        try:
            with serving(make_settings(dsn, default_dimension=384), dsn) as site:
                _fill(site)
                yield site
        finally:
            runner.run(database.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def locked_site(site: Site) -> Iterator[Site]:
    """The same database behind a key."""
    with serving(make_settings(site.dsn, default_dimension=384, api_keys=[KEY]), site.dsn) as locked:
        yield locked


def _fill(site: Site) -> None:
    lines = (ROOT / "docs" / "sample" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    site.ask("POST", "/documents", {"documents": [json.loads(line) for line in lines]})
    site.ask("PUT", f"/indexes/{GUARDED}", {"embedding_dimension": 2})
    documents = [
        {
            "id": name, "title": name, "content": f"A secret {name}", "embedding": [1, place],
            "access": {"public": not entries, "entries": entries}, "updated_at": f"2024-0{place + 1}-01T00:00:00Z",
        }
        for place, (name, entries) in enumerate(READERS.items())
    ]  # fmt: skip
    site.ask("POST", "/documents", {"index": GUARDED, "documents": documents})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one these tests fail and say what to install.

    For a module: while Playwright runs, its event loop does, too, and asynchronous tests elsewhere could not.
    """
    found = find_browser()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=found.program,
            env={**os.environ, **found.environment},
            args=["--no-sandbox", "--no-zygote", "--disable-gpu", "--headless=shell"],
        )
        yield launched
        launched.close()


@pytest.fixture
def visitor(site: Site, browser: Browser) -> Iterator[Visitor]:
    """Whoever opens pages; in the end nothing was complained about and nobody else was asked."""
    yield from _visits(Visitor(site, browser))


@pytest.fixture
def locked_visitor(locked_site: Site, browser: Browser) -> Iterator[Visitor]:
    """The same where a key is needed."""
    yield from _visits(Visitor(locked_site, browser, expected=["401 (Unauthorized)"]))


def _visits(visitor: Visitor) -> Iterator[Visitor]:
    yield visitor
    for context in visitor.browser.contexts:
        context.close()
    assert visitor.complaints == []


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """Light and dark, at the desk and on the telephone."""
    chosen: Look = request.param
    return chosen


@pytest.fixture(params=[LOOKS[0], LOOKS[3]], ids=str)
def glance(request: pytest.FixtureRequest) -> Look:
    """Both colours and both widths, each once."""
    chosen: Look = request.param
    return chosen


@pytest.fixture(scope="session")
def accessible() -> Callable[[Page], None]:
    """A check by all of axe-core's rules, and that nothing is wider than the page."""
    source = axe_source()

    def check(page: Page) -> None:
        page.evaluate(f"{source}; 0")
        found = page.evaluate("() => axe.run().then((result) => result.violations)")
        assert [(rule["id"], [node["html"] for node in rule["nodes"]], rule["help"]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    return check
