"""Labels are found by their hashes, and told apart where they share one; they may be longer than an index entry."""

from typing import Any

import httpx
import pytest

from tests.api.calls import document, found, index, update
from tests.support.storage import connected

LONG = "x" * 90_000


def asking(kind: str, label: str) -> dict[str, Any]:
    """Ask for a label in each of the ways that there are."""
    ways: dict[str, dict[str, Any]] = {
        "source": {"source_type": [label]},
        "set": {"document_sets": [label]},
        "forced": {"forced_document_sets": [label]},
        "tag": {"tags": [{"key": "tag", "value": label}]},
    }
    return ways[kind]


def labelled(name: str, kind: str, label: str) -> dict[str, Any]:
    if kind == "source":
        return document(name, source_type=label)
    return document(name, metadata={"tag": label}) if kind == "tag" else document(name, document_sets=[label])


@pytest.mark.parametrize("kind", ["source", "set", "forced", "tag"])
async def test_labels_that_share_a_hash_are_told_apart(client: httpx.AsyncClient, dsn: str, kind: str) -> None:
    hashed, spelt = {"forced": ("set", ""), "tag": ("tag", "tag===")}.get(kind, (kind, ""))
    async with connected(dsn) as connection:
        pair = await connection.fetchval(
            "SELECT array_agg(g::text) FROM generate_series(1, 400000) AS g GROUP BY label_key($1, $2 || g)"
            " HAVING count(*) = 2 LIMIT 1",
            hashed,
            spelt,
        )
    assert len(pair) == 2, "among 400,000 labels a dozen pairs share a number of 32 bits"
    await index(client, labelled("first", kind, pair[0]), labelled("second", kind, pair[1]))
    for exact in (True, False):
        assert await found(client, asking(kind, pair[0]), exact=exact) == ["first"]
        assert await found(client, asking(kind, pair[1]), exact=exact) == ["second"]


@pytest.mark.parametrize("kind", ["source", "set", "forced", "tag"])
async def test_labels_may_be_longer_than_an_index_entry(client: httpx.AsyncClient, kind: str) -> None:
    await index(client, labelled("first", kind, LONG), labelled("second", kind, LONG + "y"))
    assert await found(client, asking(kind, LONG + "y"), exact=True) == ["second"]


async def test_a_label_that_changes_is_found_by_its_new_name(client: httpx.AsyncClient) -> None:
    await index(client, document("a", document_sets=["Old"], metadata={"tag": "old"}))
    await update(client, {"document_ids": ["a"], "document_sets": ["New"]})
    assert await found(client, {"document_sets": ["New"]}, exact=True) == ["a"]
    assert await found(client, {"document_sets": ["Old"]}, exact=True) == []
    assert await found(client, asking("tag", "old"), exact=True) == ["a"]
    await update(client, {"document_ids": ["a"], "metadata": {"tag": "new"}})
    assert await found(client, asking("tag", "new"), exact=True) == ["a"]
    assert await found(client, asking("tag", "old"), exact=True) == []
    assert await found(client, {"document_sets": ["New"]}, exact=True) == ["a"]
