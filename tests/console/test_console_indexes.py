"""Indexes as they stand, their documents, and what is done to one."""

import asyncio
import re
import threading
from collections.abc import Callable
from uuid import uuid4

import asyncpg
from playwright.sync_api import Page, expect

from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.pools import PoolOptions
from tests.api.calls import Json, path_of
from tests.console.conftest import GUARDED, Look, Site, Visitor


def test_indexes_show_what_they_hold(visitor: Visitor, look: Look, accessible: Callable[[Page], None]) -> None:
    page = visitor.open("?view=indexes&index=documents", scheme=look.scheme, width=look.width)
    state = visitor.site.ask("GET", "/indexes/documents")
    card = page.locator("[data-index=documents]")
    expect(card).to_contain_text(f"Documents{state['documents']}")
    expect(card).to_contain_text(f"Chunks{state['chunks']}")
    expect(card).to_contain_text("384 dimensions")
    expect(card).to_contain_text("no access control")
    for label in ("On disk", "Graph", "Recall", "Dead chunks", "Maintained", "Created"):
        expect(card).to_contain_text(label)
    expect(page.locator(f"[data-index={GUARDED}]")).to_contain_text("access control")
    expect(page.locator(".documents tbody tr")).to_have_count(min(50, state["documents"]))
    accessible(page)


def test_a_document_shows_its_chunks_in_order_with_neighbours(
    visitor: Visitor, glance: Look, accessible: Callable[[Page], None]
) -> None:
    whole = visitor.site.ask("GET", path_of("docs/api.md"))
    page = visitor.open("?q=percent-encode+it+in+paths", scheme=glance.scheme, width=glance.width)
    hit = page.locator("#hits .hit", has_text="docs/api.md").first
    asked = int((hit.get_attribute("data-hit") or "").rpartition("#")[2])
    hit.get_by_role("button", name="Document").click()
    expect(page.locator(".chunk.asked")).to_have_attribute("data-chunk", str(asked))
    first, last = max(0, asked - 2), min(asked + 2, whole["chunk_count"] - 1)
    assert shown_chunks(page) == list(range(first, last + 1))
    while page.get_by_role("button", name="Later chunks").is_visible():
        before = len(shown_chunks(page))
        page.get_by_role("button", name="Later chunks").click()
        page.wait_for_function("(before) => document.querySelectorAll('.chunk').length > before", arg=before)
    while page.get_by_role("button", name="Earlier chunks").is_visible():
        page.get_by_role("button", name="Earlier chunks").click()
        expect(page.locator(".chunk").first).to_have_attribute("data-chunk", re.compile(r"\d+"))
    expect(page.locator(".chunk")).to_have_count(whole["chunk_count"])
    assert shown_chunks(page) == [chunk["chunk_index"] for chunk in whole["chunks"]]
    assert page.locator(".chunk .content").all_text_contents() == [chunk["content"] for chunk in whole["chunks"]]
    accessible(page)


def shown_chunks(page: Page) -> list[int]:
    return [int(chunk) for chunk in page.locator(".chunk").evaluate_all("(all) => all.map((one) => one.dataset.chunk)")]


def test_a_document_is_hidden_boosted_and_deleted_when_confirmed(
    visitor: Visitor, glance: Look, accessible: Callable[[Page], None]
) -> None:
    site, name = visitor.site, f"to/be 'deleted' {uuid4()}?"
    document = {"id": name, "title": "Gone soon", "content": "gone soon", "embedding": [1] * 384}
    site.ask("POST", "/documents", {"documents": [document]})
    page = visitor.open("?view=indexes&index=documents", scheme=glance.scheme, width=glance.width)
    page.get_by_label("Document id").fill(name)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", name="Gone soon")).to_be_visible()
    page.get_by_role("button", name="Hide").click()
    accessible(page)
    page.get_by_role("button", name="Cancel").click()
    assert stored(site, name)["hidden"] is False
    answered(page, "Hide", "Hide")
    expect(page.locator("#is-hidden")).to_be_visible()
    assert stored(site, name)["hidden"] is True
    answered(page, "Unhide", "Show")
    expect(page.locator("#is-hidden")).to_have_count(0)
    assert stored(site, name)["hidden"] is False
    page.get_by_label("Boost").fill("-7")
    answered(page, "Set boost", "Set")
    expect(page.locator(".facts-list")).to_contain_text("-7")
    assert stored(site, name)["boost"] == -7
    page.get_by_role("button", name="Delete").click()
    page.keyboard.press("Escape")
    assert stored(site, name)["id"] == name
    answered(page, "Delete", "Delete")
    expect(page.locator("#notices")).to_contain_text("deleted")
    listed = [one["id"] for one in site.ask("GET", "/documents?limit=1000")["documents"]]
    assert name not in listed


def answered(page: Page, button: str, verb: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def stored(site: Site, name: str) -> Json:
    found: Json = site.ask("GET", path_of(name))
    return found


def test_a_document_that_is_not_there_is_said_to_be(visitor: Visitor) -> None:
    visitor.expected.append("404 (Not Found)")
    page = visitor.open("?view=document&document=none")
    expect(page.get_by_role("alert")).to_contain_text("document_not_found")


def test_the_build_of_a_graph_is_followed_to_its_end(visitor: Visitor) -> None:
    site, name = visitor.site, f"built-{uuid4().hex[:8]}"
    site.ask("PUT", f"/indexes/{name}", {"embedding_dimension": 2, "access_control": False})
    documents = [{"id": str(place), "content": "x", "embedding": [1, place]} for place in range(50)]
    site.ask("POST", "/documents", {"index": name, "documents": documents})
    page = visitor.open("?view=indexes")
    card = page.locator(f"[data-index={name}]")
    expect(card.locator(".badge")).to_have_text("exact")
    release, building = threading.Event(), threading.Event()
    held = threading.Thread(target=asyncio.run, args=(_hold(site.dsn, building, release),))
    builder = threading.Thread(target=asyncio.run, args=(_build(site.dsn, name),))
    held.start()
    try:
        assert building.wait(20)
        builder.start()
        page.wait_for_timeout(300)
        page.reload()  # later it would notice by itself, but only after some seconds
        expect(card.locator(".badge")).to_contain_text("building", timeout=20_000)
        expect(card.get_by_role("progressbar")).to_be_visible()
    finally:
        release.set()
    expect(card.locator(".badge")).to_have_text("graph ready", timeout=20_000)
    builder.join()
    held.join()
    site.ask("DELETE", f"/indexes/{name}")


async def _hold(dsn: str, holding: threading.Event, release: threading.Event) -> None:
    """Keep a transaction open that has written: a concurrent build waits for it, half done."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await connection.execute("LOCK TABLE chunk_embeddings IN ROW EXCLUSIVE MODE")
        await connection.execute("UPDATE indexes SET is_default = is_default")
        holding.set()
        await asyncio.to_thread(release.wait, 60)
    await connection.close()


async def _build(dsn: str, name: str) -> None:
    database = Database(dsn, PoolOptions(search_connections=1, write_connections=1))
    await database.open()
    try:
        [index] = [one for one in await IndexRepository(database).list_all("public") if one.name == name]
        async with database.dedicated_session() as session:
            await MaintenanceRepository(session).build_ann(index, 16, 64)
    finally:
        await database.close()
