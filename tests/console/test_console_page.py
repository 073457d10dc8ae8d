"""The page itself: how it is served, how heavy and how fast it is, keys and colours."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from app.api.console import FOLDER
from tests.conftest import ROOT
from tests.console.conftest import Look, Site, Visitor

FIRST_PAINT_MS = 200
FIRST_PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) =>
    list.getEntriesByName("first-contentful-paint").forEach((paint) => resolve(paint.startTime))
).observe({ type: "paint", buffered: true }))"""
PAGE_BYTES = 100_000


def test_files_are_served_with_types_tags_and_a_strict_policy(site: Site) -> None:
    types = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    names = {path.name for path in FOLDER.iterdir()} - {"index.html"}
    assert {name for name in names if name.rpartition(".")[1:] != (".", "html")}
    for path in ("/console", *(f"/console/{name}" for name in sorted(names)), "/"):
        shown = site.http.get(path, headers={"accept-encoding": "identity"})
        suffix = f".{path.rpartition('.')[2]}" if "." in path else ".html"
        assert shown.headers["content-type"].partition(";")[0] == types[suffix], path
        policy = dict(part.split(" ", 1) for part in shown.headers["content-security-policy"].split("; "))
        assert (
            policy["default-src"]
            == policy["base-uri"]
            == policy["form-action"]
            == policy["frame-ancestors"]
            == "'none'"
        )
        assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
        assert (shown.headers["cache-control"], shown.headers["x-content-type-options"]) == ("no-cache", "nosniff")
        again = site.http.get(path, headers={"if-none-match": shown.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        zipped = site.http.get(path, headers={"accept-encoding": "gzip"})
        assert (zipped.headers["content-encoding"], zipped.content) == ("gzip", shown.content)
    assert site.http.get("/console/none.js").status_code == httpx.codes.NOT_FOUND
    assert site.http.get("/console/..%2fmain.py").status_code == httpx.codes.NOT_FOUND
    assert site.http.get("/console/", follow_redirects=True).url.path == "/console"


def test_nothing_is_written_as_html_and_nothing_is_inline() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), path
        assert not re.search(r"<[^>]+\s(?:style|on\w+)=|<script>|<style>", text), path
        assert len(text.splitlines()) < 300, path
    assert 'app = ["console/*"]' in (ROOT / "pyproject.toml").read_text()


def first_paints(page: Page, address: str) -> list[float]:
    """Load a page some times; return when it was painted first, in milliseconds."""
    found = []
    for _ in range(5):
        page.goto(address)
        found.append(page.evaluate(FIRST_PAINT))
    return found


def test_the_page_is_light_and_its_first_paint_quick(visitor: Visitor) -> None:
    visitor.expected.append("404 (Not Found)")  # the icon that browsers look for beside a page without one
    page, url = visitor.open(), visitor.site.url
    plain, paint = first_paints(page, f"{url}/health"), first_paints(page, f"{url}/console?q=permission+change")
    assert min(paint) < max(FIRST_PAINT_MS, 3 * min(plain))  # where the machine has other work, nothing is quick
    expect(page.locator("#hits")).to_be_visible()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter((one) => one.name.includes('/console')).map((one) => one.decodedBodySize)"
    )
    assert len(sizes) > 10
    assert sum(sizes) < PAGE_BYTES


def test_nothing_jumps(visitor: Visitor, glance: Look) -> None:
    page = visitor.open(scheme=glance.scheme, width=glance.width)
    page.evaluate(
        """() => {
            window.shifts = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((shift) => {
                if (!shift.hadRecentInput) window.shifts += shift.value;
            })).observe({ type: "layout-shift", buffered: true });
        }"""
    )
    for words in ("permission change", "index"):
        page.locator("#query").fill(words)
        page.wait_for_timeout(600)  # what comes soon after typing does not count as a shift
        page.evaluate("document.getElementById('search-form').requestSubmit()")
        expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
        expect(page.locator("#hits")).to_be_visible()
    assert page.evaluate("window.shifts") < 0.1


def test_keys_lead_everywhere(visitor: Visitor) -> None:
    page = visitor.open("?q=index&limit=3")
    expect(page.locator("#hits .hit")).to_have_count(3)
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("j?3")
    expect(page.locator("#query")).to_have_value("j?3")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit").first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit").nth(2)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit").nth(2)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("w")
    expect(page.locator(".hit").nth(1).locator(".why table")).to_be_visible()
    outline = page.locator(".hit").nth(1).evaluate("(hit) => getComputedStyle(hit).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    name = page.locator(".hit").nth(1).get_attribute("data-hit") or ""
    page.locator(".hit").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("header.document .id")).to_have_text(name.rpartition("#")[0])
    page.go_back()
    expect(page.locator("#hits .hit")).to_have_count(3)
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name="Indexes", exact=True)).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("nav [aria-current]")).to_have_text("Compare")


def test_colours_follow_the_system_until_they_are_chosen(visitor: Visitor) -> None:
    page = visitor.open(scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    assert dark != light
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_accessible_name("Colours: light")
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_accessible_name("Colours: dark")
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark
    page.locator("#theme").click()
    assert page.evaluate(ground) == light


def test_nothing_moves_for_whoever_asks_for_that(visitor: Visitor) -> None:
    page = visitor.open("?view=indexes", reduced_motion="reduce")
    expect(page.locator(".card")).not_to_have_count(0)
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionProperty !== 'none'"
        " && parseFloat(getComputedStyle(one).transitionDuration) > 0).length"
    )
    assert moving == 0


def test_the_start_page_leads_to_the_console(
    visitor: Visitor, glance: Look, accessible: Callable[[Page], None]
) -> None:
    page = visitor.open(scheme=glance.scheme, width=glance.width)
    page.goto(visitor.site.url)
    accessible(page)
    page.get_by_role("link", name="Console").click()
    expect(page.locator("#query")).to_be_visible()
