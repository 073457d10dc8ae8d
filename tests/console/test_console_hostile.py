"""What others wrote is text, whatever it looks like."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.api.calls import path_of
from tests.console.conftest import Look, Visitor

EVIL = (
    """<script>attacked('tag')</script><img src=x onerror="attacked('image')">"onerror='attacked(1)' """
    "<hi>not mine</hi> hostile"
)
LINK = "javascript:attacked('link')"
ID = f"{LINK}//{EVIL}"


@pytest.fixture
def hostile(visitor: Visitor) -> Iterator[Visitor]:
    """A document that is hostile in every field."""
    document = {
        "id": ID, "title": EVIL, "semantic_identifier": EVIL, "source_type": EVIL, "document_sets": [EVIL],
        "metadata": {EVIL: [EVIL], "url": LINK}, "access": {"public": True, "entries": [EVIL]},
        "primary_owners": [EVIL], "secondary_owners": [EVIL], "title_embedding": [1] * 384,
        "chunks": [
            {"chunk_index": 0, "content": f"{EVIL} {LINK}", "blurb": EVIL, "doc_summary": EVIL, "chunk_context": EVIL,
             "metadata_suffix": EVIL, "image_file_id": EVIL, "embedding": [1] * 384,
             "source_links": {"0": LINK, "9": f"data:text/html,{EVIL}", "x": f" {LINK}", EVIL: "JaVaScRiPt:attacked(2)",
                              "y": 'https://ok.example/"onmouseover="attacked(3)', "z": "vbscript:attacked(4)"}},
        ],
    }  # fmt: skip
    visitor.site.ask("POST", "/documents", {"documents": [document]})
    yield visitor
    visitor.site.ask("DELETE", path_of(ID))


def check(page: Page) -> None:
    assert page.evaluate("window.attacks ?? []") == []
    assert page.locator("main script, main img, main iframe, main [onerror], main [onmouseover]").count() == 0
    addresses = page.locator("main a").evaluate_all(
        "(links) => links.map((link) => [link.href, link.rel, link.target])"
    )
    for address, rel, target in addresses:
        assert address.startswith("https://ok.example/"), address
        assert (rel, target) == ("noopener noreferrer", "_blank")


def watched(page: Page) -> Page:
    """Load the page again with somebody listening for attacks that succeed."""
    page.add_init_script("window.attacks = []; window.attacked = (what) => window.attacks.push(what);")
    page.reload()
    return page


def test_a_hostile_chunk_is_shown_as_text(hostile: Visitor, look: Look, accessible: Callable[[Page], None]) -> None:
    page = watched(hostile.open("?q=hostile", scheme=look.scheme, width=look.width))
    hit = page.locator("#hits .hit").first
    expect(hit.get_by_role("heading")).to_have_text(EVIL)
    expect(hit.locator(".id")).to_have_text(ID)
    expect(hit.locator(".badge")).to_have_text(EVIL)
    assert "<hi>not mine</hi> hostile" in hit.locator(".text").inner_text()
    marks = hit.locator("mark").all_inner_texts()
    assert marks
    assert set(marks) <= {"hostile"}
    hit.locator(".why summary").click()
    check(page)
    accessible(page)
    hit.get_by_role("button", name="Document").click()
    expect(page.locator("header.document h2")).to_have_text(EVIL)
    expect(page.locator(".chunk .content")).to_have_text(f"{EVIL} {LINK}")
    expect(page.locator("#looking .facts-list")).to_contain_text("<script>attacked('tag')</script>")
    check(page)
    accessible(page)


def test_a_hostile_document_is_text_in_every_other_place(hostile: Visitor) -> None:
    page = watched(hostile.open("?view=compare&q=hostile&b.mode=keyword"))
    expect(page.locator(".side").nth(1).get_by_role("heading", level=4).first).to_have_text(EVIL)
    check(page)
    page = watched(hostile.open("?view=indexes&index=documents"))
    expect(page.locator(".documents")).to_contain_text("<script>attacked('tag')</script>")
    check(page)
    page = watched(hostile.open(f"?q=hostile&like={quote(ID, safe='')}%230&filters={quote(chr(123) + chr(125))}"))
    expect(page.locator(".like")).to_contain_text(ID)
    expect(page.locator("#hits .hit").first.get_by_role("heading")).to_have_text(EVIL)
    check(page)


def test_a_hostile_address_is_text_too(visitor: Visitor) -> None:
    visitor.expected.extend(["404 (Not Found)", "422 (Unprocessable"])
    evil = quote(EVIL, safe="")
    page = watched(
        visitor.open(f"?q={evil}&tenant={evil}&index={evil}&as={evil}&mode={evil}&like={evil}&b.mode={evil}")
    )
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(".chip")).to_have_text(EVIL)
    check_no_attack(page)


def check_no_attack(page: Page) -> None:
    assert page.evaluate("window.attacks") == []
    assert page.locator("main script, main img, main iframe, main [onerror]").count() == 0
