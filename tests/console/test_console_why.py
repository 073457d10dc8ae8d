"""Why a hit stands where it stands, and where the time went."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ROOT
from tests.console.conftest import Look, Visitor

LIKE = "docs%2Fadr%2F0007-access-bitmap.md%230"
EMBEDDING = json.loads((ROOT / "docs" / "sample" / "query.json").read_text())["embedding"]


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))


def rows_of(table: Locator, part: str = "tbody") -> list[list[str]]:
    rows: list[list[str]] = table.locator(f"{part} tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    return rows


@pytest.mark.parametrize("profile", ["default", "vespa", "opensearch", "rrf"])
def test_the_parts_of_a_hit_add_up_to_its_score(visitor: Visitor, profile: str) -> None:
    page = visitor.open(f"?q=permission+change+visible&like={LIKE}&rank_profile={profile}")
    expect(page.locator(".summary")).to_contain_text(f"hybrid, {profile}")
    for hit in page.locator("#hits .hit").all()[:4]:
        hit.locator(".why summary").click()
        score = number(hit.locator(".score").inner_text())
        parts = {row[0]: number(row[1]) for row in rows_of(hit.locator(".why table"))}
        assert sum(parts.values()) == pytest.approx(score, abs=4e-4)
        assert number(rows_of(hit.locator(".why table"), "tfoot")[0][1]) == pytest.approx(score, abs=1e-4)
        widths = hit.locator(".score-bar .part").evaluate_all(
            "(parts) => parts.map((part) => [part.title, part.getBoundingClientRect().width])"
        )
        drawn = {title.split(" ")[0]: (number(title.split(" ")[1]), width) for title, width in widths}
        assert {name: value for name, (value, _) in drawn.items()} == {n: v for n, v in parts.items() if n in drawn}
        assert all(abs(parts[name]) < 1e-9 for name in parts.keys() - drawn.keys())
        ratios = [width / abs(value) for value, width in drawn.values() if width > 12]
        assert max(ratios) / min(ratios) == pytest.approx(1, abs=0.1)


def test_a_hit_names_its_lists_and_what_it_was_made_from(
    visitor: Visitor, look: Look, accessible: Callable[[Page], None]
) -> None:
    page = visitor.open(f"?q=permission+change&like={LIKE}", scheme=look.scheme, width=look.width)
    page.locator("#hits .hit").first.locator(".why summary").click()
    answer = visitor.site.search(
        query="permission change",
        embedding=visitor.site.ask(
            "POST", "/chunks/scan", {"document_ids": ["docs/adr/0007-access-bitmap.md"], "include_embeddings": True}
        )["chunks"][0]["embedding"],
    )
    features, why = answer["hits"][0]["features"], page.locator("#hits .hit").first.locator(".why")
    assert answer["hits"][0]["document_id"] in (page.locator("#hits .hit").first.get_attribute("data-hit") or "")
    expect(why).to_contain_text(f"vector list #{features['vector_rank']:.0f}")
    expect(why).to_contain_text(f"keyword list #{features['keyword_rank']:.0f}")
    for name in ("cosine", "bm25", "vector_normalised", "keyword_normalised"):
        expect(why).to_contain_text(f"{name.replace('_', ' ')} {features[name]:.4f}")
    expect(why).to_contain_text(f"weight {features['weight_vector']:.4f}")
    expect(why).to_contain_text("boost 0")
    expect(why).to_contain_text("age years")
    accessible(page)


def test_a_search_tells_how_it_went(visitor: Visitor, glance: Look, accessible: Callable[[Page], None]) -> None:
    page = visitor.open(f"?q=permission+change&like={LIKE}", scheme=glance.scheme, width=glance.width)
    page.locator(".how summary").click()
    how = page.locator(".how")
    answer = visitor.site.search(query="permission change", embedding=EMBEDDING)
    expect(how.locator("dl").first).to_contain_text(answer["strategy"])
    expect(page.locator(".summary")).to_contain_text("exact" if answer["exact"] else "approximate")
    expect(page.locator(".summary")).to_contain_text("complete")
    table = how.locator("table", has=page.locator("th", has_text="Phase"))
    took = {row[0]: milliseconds(row[1]) for row in rows_of(table)}
    assert {"keyword list", "vector list", "scores", "page", "service"} <= took.keys()
    assert sum(took.values()) == pytest.approx(milliseconds(rows_of(table, "tfoot")[0][1]), abs=2, rel=0.05)
    widths = how.locator(".phase").evaluate_all("(parts) => parts.map((part) => part.getBoundingClientRect().width)")
    whole = how.locator(".phase-bar").evaluate("(bar) => bar.getBoundingClientRect().width")
    assert sum(widths) == pytest.approx(whole, rel=0.05)
    accessible(page)


def test_a_keyword_search_tells_what_the_filter_keeps(visitor: Visitor) -> None:
    page = visitor.open("?q=permission+change&mode=keyword")
    page.locator(".how summary").click()
    expect(page.locator(".how")).to_contain_text(re.compile(r"Filter\s*keeps about (\d+) of \1 chunks \(100 %\)"))
    expect(page.locator(".ways")).to_have_count(0)


def milliseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+) (ms|s)", text)
    assert found, text
    return float(found[1]) * (1000 if found[2] == "s" else 1)


def test_what_was_left_out_is_said(visitor: Visitor) -> None:
    page = visitor.open("?q=permission&mode=hybrid")
    expect(page.locator(".degraded")).to_contain_text("keywords alone")
    page = visitor.open("?q=permision")
    expect(page.locator(".how")).to_contain_text("also as permission")


def test_fields_the_page_does_not_know_are_shown_as_they_are(visitor: Visitor) -> None:
    page = visitor.open()
    answer = visitor.site.search(query="index", limit=2) | {
        "novelty": {"inner": [1, 2], "share": 0.25},
        "plan": {
            "chunks": 1000, "share": 0.25, "allowed": 250, "ef_search": 100, "recall": 0.99,
            "predicted_ms": {"exact": 3.2, "post_filter": 1.1},
            "taken": [{"strategy": "post_filter", "width": 400, "rows": 10, "ms": 1.4}],
        },
    }  # fmt: skip
    page.route("**/search", lambda route: route.fulfill(json=answer))
    page.locator("#query").fill("index")
    page.locator("#run").click()
    page.locator(".how summary").click()
    expect(page.locator(".how")).to_contain_text("keeps about 250 of 1,000 chunks (25 %)")
    expect(page.locator(".ways")).to_contain_text("1.4 ms, 10 rows of 400")
    expect(page.locator(".how")).to_contain_text("novelty")
    expect(page.locator(".how")).to_contain_text("1, 2")
