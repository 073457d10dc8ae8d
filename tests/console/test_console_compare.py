"""Two settings side by side."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Look, Visitor

LIKE = "docs%2Fadr%2F0007-access-bitmap.md%230"


def names(page: Page, side: int) -> list[str]:
    found: list[str] = (
        page.locator(".side").nth(side).locator(".hit").evaluate_all("(hits) => hits.map((hit) => hit.dataset.hit)")
    )
    return found


def tau(first: list[str], second: list[str]) -> float | None:
    common = [name for name in first if name in second]
    pairs = [(one, other) for place, one in enumerate(common) for other in common[place + 1 :]]
    if not pairs:
        return None
    return sum(1 if second.index(one) < second.index(other) else -1 for one, other in pairs) / len(pairs)


def test_two_rankings_stand_side_by_side(visitor: Visitor, look: Look, accessible: Callable[[Page], None]) -> None:
    page = visitor.open(f"?view=compare&q=permission+change+visible&like={LIKE}", scheme=look.scheme, width=look.width)
    expect(page.locator(".side")).to_have_count(2)
    assert names(page, 0) == names(page, 1)
    expect(page.locator(".figures")).to_contain_text("10 of 10")
    if not page.locator("#settings").evaluate("(details) => details.open"):
        page.locator("#settings > summary").click()
    other = page.locator("fieldset", has=page.locator("legend", has_text="Ranking B"))
    other.get_by_label("Profile").select_option("rrf")
    expect(page.locator(".side").nth(1)).to_contain_text("hybrid, rrf")
    first, second = names(page, 0), names(page, 1)
    embedding = visitor.site.ask(
        "POST", "/chunks/scan", {"document_ids": ["docs/adr/0007-access-bitmap.md"], "include_embeddings": True}
    )["chunks"][0]["embedding"]
    for found, profile in ((first, "default"), (second, "rrf")):
        answer = visitor.site.search(query="permission change visible", embedding=embedding, rank_profile=profile)
        assert found == [f"{hit['document_id']}#{hit['chunk_index']}" for hit in answer["hits"]]
    figures = page.locator(".figures dd").all_inner_texts()
    assert figures[0] == f"{len(set(first) & set(second))} of 10"
    assert float(figures[1].replace("\N{MINUS SIGN}", "-")) == pytest.approx(tau(first, second), abs=0.001)
    moves = page.locator(".side").nth(1).locator(".move").all_inner_texts()
    for place, (name, move) in enumerate(zip(second, moves, strict=True)):
        by = first.index(name) - place if name in first else None
        assert move.strip() == ("new" if by is None else str(abs(by)) if by else "same place")
    assert int(figures[2]) == sum(move.strip() != "same place" for move in moves) > 0
    accessible(page)
    page.reload()
    expect(page.locator(".side").nth(1)).to_contain_text("hybrid, rrf")
    assert names(page, 1) == second


@pytest.mark.parametrize(
    ("one", "other"), [("abcd", "abcd"), ("abcd", "dcba"), ("abcd", "bax"), ("ab", "xy"), ("abcdefghijkl", "lkjcbad")]
)
def test_the_figures_are_what_they_are_called(visitor: Visitor, one: str, other: str) -> None:
    page = visitor.open()
    found = page.evaluate(
        """async ([one, other]) => {
            const { kendall, moves, overlap } = await import("/console/agreement.js");
            return { tau: kendall(one, other), overlap: overlap(one, other), moves: moves(one, other) };
        }""",
        [list(one), list(other)],
    )
    assert found["tau"] == (None if tau(list(one), list(other)) is None else pytest.approx(tau(list(one), list(other))))
    assert found["overlap"]["common"] == len(set(one[:10]) & set(other[:10]))
    assert found["moves"] == [one.index(x) - place if x in one else None for place, x in enumerate(other)]
