"""Searching on the console: typing, filtering, viewing as somebody, sharing."""

import shlex
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.api.schemas.search import FiltersBody
from tests.api.calls import Json
from tests.console.conftest import GUARDED, KEY, Look, Site, Visitor


def hit_names(page: Page) -> list[str]:
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    found: list[str] = page.locator("#hits .hit").evaluate_all("(hits) => hits.map((hit) => hit.dataset.hit)")
    return found


def names_of(answer: Json) -> list[str]:
    return [f"{hit['document_id']}#{hit['chunk_index']}" for hit in answer["hits"]]


def open_settings(page: Page) -> None:
    if not page.locator("#settings").evaluate("(details) => details.open"):
        page.locator("#settings > summary").click()


def sent_body(page: Page, act: Callable[[], object]) -> Json:
    with page.expect_request(lambda request: request.url.endswith("/search") and request.method == "POST") as sent:
        act()
    body = sent.value.post_data_json
    assert isinstance(body, dict)
    return body


def test_what_is_typed_is_found_and_can_be_shared(
    visitor: Visitor, look: Look, accessible: Callable[[Page], None]
) -> None:
    page = visitor.open(scheme=look.scheme, width=look.width)
    expect(page.get_by_role("heading", name="Ask something")).to_be_visible()
    accessible(page)
    page.keyboard.press("/")
    page.keyboard.type("permission change visible")
    page.keyboard.press("Enter")
    expect(page.locator("#hits")).to_be_visible()
    answer = visitor.site.search(query="permission change visible")
    assert hit_names(page) == names_of(answer)
    first, shown = answer["hits"][0], page.locator("#hits .hit").first
    expect(shown.get_by_role("heading")).to_have_text(first["title"])
    expect(shown).to_contain_text(first["source_type"])
    expect(shown).to_contain_text(f"chunk {first['chunk_index']}")
    assert shown.locator("mark").first.inner_text() in first["content"]
    assert (
        shown.locator(".text").inner_text().split()
        == " ".join(first["highlights"])
        .replace("<hi>", "")
        .replace("</hi>", "")
        .replace("&#x27;", "'")
        .replace("&quot;", '"')
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .split()
    )
    accessible(page)
    shared = visitor.open(f"?{urlsplit(page.url).query}", scheme=look.scheme, width=look.width)
    expect(shared.locator("#query")).to_have_value("permission change visible")
    expect(shared.locator("#hits")).to_be_visible()
    assert hit_names(shared) == hit_names(page)


def test_there_is_a_control_for_every_filter_there_is(
    visitor: Visitor, glance: Look, accessible: Callable[[Page], None]
) -> None:
    page = visitor.open("?q=index", scheme=glance.scheme, width=glance.width)
    expect(page.locator("#hits")).to_be_visible()
    open_settings(page)
    offered = page.locator("#add-filter option").evaluate_all("(options) => options.map((one) => one.value)")
    assert set(offered) == {"", *FiltersBody.model_fields} - {"access_control_list"}
    for name in offered[1:]:
        page.locator("#add-filter").select_option(name)
        expect(page.locator(f"[data-filter={name}]")).to_be_visible()
    for name in ("source_type", "document_sets", "document_ids", "forced_document_sets", "hierarchy_node_ids"):
        entry = page.locator(f"[data-filter={name}] input")
        entry.fill("7" if name == "hierarchy_node_ids" else "it's")
        entry.press("Enter")
        expect(page.locator(f"[data-filter={name}] .chip")).to_have_count(1)
    for name in ("persona_id", "project_id"):
        page.locator(f"[data-filter={name}] input").fill("5")
        page.locator(f"[data-filter={name}] input").press("Tab")
    page.get_by_label("Tags: key").fill("folder")
    page.get_by_label("Tags: key").press("Tab")
    page.get_by_label("Tags: value").fill("docs")
    page.get_by_label("Tags: value").press("Tab")
    for name in ("Created", "Updated"):
        page.get_by_label(f"{name}: start").fill("2024-01-02T03:04")
        page.get_by_label(f"{name}: start").press("Tab")
    page.get_by_label("Metadata, as JSON").fill('{"a": 1}')
    page.get_by_label("Metadata, as JSON").press("Tab")
    page.get_by_label("Hidden", exact=True).select_option("false")
    body = sent_body(page, lambda: page.locator("#run").click())
    moment = {"start": "2024-01-02T03:04:00Z"}
    assert body["filters"] == {
        "access_control_list": None, "source_type": ["it's"], "document_sets": ["it's"], "document_ids": ["it's"],
        "forced_document_sets": ["it's"], "hierarchy_node_ids": [7], "persona_id": 5, "project_id": 5,
        "tags": [{"key": "folder", "value": "docs"}], "created_at": moment, "updated_at": moment,
        "metadata": {"a": 1}, "hidden": False,
    }  # fmt: skip
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    accessible(page)


def test_filters_narrow_what_is_found(visitor: Visitor) -> None:
    page = visitor.open("?q=index")
    page.locator("#add-filter").select_option("tags")
    page.get_by_label("Tags: key").fill("folder")
    page.get_by_label("Tags: value").fill("docs/adr")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Remove Tags 1")).to_be_focused()
    tags = [{"key": "folder", "value": "docs/adr"}]
    filters = {"access_control_list": None, "tags": tags}
    assert hit_names(page) == names_of(visitor.site.search(query="index", filters=filters))
    assert all(name.startswith("docs/adr/") for name in hit_names(page))
    page.get_by_label("Remove the filter Tags").click()
    expect(page.locator("[data-filter=tags]")).to_have_count(0)
    page.go_back()
    expect(page.get_by_label("Tags: value")).to_have_value("docs/adr")


@pytest.mark.parametrize(
    ("entries", "seen"),
    [([], {"for-all"}), (["group:eng"], {"for-all", "for-eng"}), (["group:eng", "user_email:ann@x.io"], None)],
)
def test_somebody_else_is_seen_as(visitor: Visitor, entries: list[str], seen: set[str] | None) -> None:
    page = visitor.open(f"?q=secret&index={GUARDED}")
    everything = {"for-ann#0", "for-eng#0", "for-all#0"}
    expect(page.locator("#hits .hit")).to_have_count(3)
    assert set(hit_names(page)) == everything
    page.locator("#view-as").select_option("list" if entries else "public")
    for entry in entries:
        page.get_by_label("Access list: add").fill(entry)
        page.get_by_label("Access list: add").press("Enter")
        expect(page.locator(".chip", has_text=entry)).to_be_visible()
    expected = everything if seen is None else {f"{name}#0" for name in seen}
    expect(page.locator("#hits .hit")).to_have_count(len(expected))
    assert set(hit_names(page)) == expected
    assert parse_qs(urlsplit(page.url).query, keep_blank_values=True)["as"] == (entries or [""])


def test_settings_index_and_tenant_are_sent_and_kept(visitor: Visitor) -> None:
    page = visitor.open("?q=index")
    expect(page.locator("#hits")).to_be_visible()
    page.get_by_label("Mode").select_option("keyword")
    page.get_by_label("Profile").select_option("vespa")
    page.get_by_label("Vector weight").fill("0.3")
    page.get_by_label("Vector weight").press("Tab")
    page.get_by_label("exact").check()
    page.get_by_label("smoothing").uncheck()
    page.get_by_label("Hits").fill("3")
    body = sent_body(page, lambda: page.get_by_label("Hits").press("Tab"))
    assert {name: body[name] for name in body if name not in {"filters", "query"}} == {
        "mode": "keyword", "rank_profile": "vespa", "hybrid_alpha": 0.3, "exact": True, "smoothing": False,
        "limit": 3, "explain": True,
    }  # fmt: skip
    expect(page.locator("#hits .hit")).to_have_count(3)
    page.reload()
    expect(page.get_by_label("Profile")).to_have_value("vespa")
    expect(page.get_by_label("smoothing")).not_to_be_checked()
    visitor.expected.append("404 (Not Found)")
    page.get_by_label("Tenant").fill("nobody")
    page.get_by_label("Tenant").press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("tenant_not_found")


def test_a_copied_command_finds_the_same(visitor: Visitor) -> None:
    page = visitor.open('?q=it\'s+an+"index"&limit=4', permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#hits")).to_be_visible()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#notices")).to_contain_text("clipboard")
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert words[:2] == ["curl", "-s"]
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    answer = httpx.post(words[2], content=words[words.index("-d") + 1], headers=headers)
    assert names_of(answer.json()) == hit_names(page)


def test_more_like_a_hit_searches_by_its_embedding(visitor: Visitor) -> None:
    page = visitor.open("?q=permission")
    name = page.locator("#hits .hit").nth(2).get_attribute("data-hit")
    page.locator("#hits .hit").nth(2).get_by_role("button", name="More like this").click()
    expect(page.locator(".summary")).to_contain_text("semantic")
    assert hit_names(page)[0] == name
    expect(page.locator(".like")).to_contain_text(name or "")
    page.locator("#query").fill("permission")
    page.locator("#run").click()
    expect(page.locator(".summary")).to_contain_text("hybrid")


def test_a_refusal_says_what_is_wrong(visitor: Visitor, glance: Look, accessible: Callable[[Page], None]) -> None:
    visitor.expected.append("422 (Unprocessable")
    page = visitor.open("?q=a&embedding=[1,2]", scheme=glance.scheme, width=glance.width)
    problem = page.get_by_role("alert")
    expect(problem.get_by_role("heading")).to_have_text("The embedding has another dimension than the index")
    expect(problem).to_contain_text("embedding_dimension")
    expect(problem).to_contain_text("384")
    accessible(page)


def test_a_service_that_is_away_is_said_to_be(visitor: Visitor) -> None:
    visitor.expected.append("ERR_FAILED")
    page = visitor.open()
    page.route("**/search", lambda route: route.abort())
    page.locator("#query").fill("x")
    page.locator("#run").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")


def test_a_key_is_asked_for_and_kept_in_memory_only(locked_visitor: Visitor, locked_site: Site) -> None:
    page = locked_visitor.open("?q=index", permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("alert")).to_contain_text("unauthorised")
    page.get_by_role("button", name="Enter a key").click()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#hits")).to_be_visible()
    expect(page.locator("#index option")).to_have_count(3)
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#notices")).to_contain_text("clipboard")
    command = page.evaluate("navigator.clipboard.readText()")
    assert "Authorization: Bearer $VECTOR_SEARCH_KEY" in command
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])")
    for place in (command, page.url, kept, page.content()):
        assert KEY not in place
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("unauthorised")
    assert httpx.get(f"{locked_site.url}/console").status_code == httpx.codes.OK
