"""The proof that all of it came: it passes when it did, and finds each thing that did not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.keys import document_key
from tests.standins import command
from tests.standins.opensearch import OpenSearchStandIn
from tests.standins.rows import opensearch_source, vespa_rows
from tests.standins.serving import serve
from tests.standins.snapshot import fetch
from tests.standins.vespa import VespaStandIn

DAMAGES = (
    "DELETE FROM documents WHERE document_key = $1",
    "DELETE FROM chunks WHERE document_key = $1 AND chunk_index = 1",
    "UPDATE chunks SET content = 'x' WHERE document_key = $1 AND chunk_index = 0",
    "UPDATE chunk_embeddings SET embedding = '[0,0,0,0,0,0,0,1]' WHERE document_key = $1 AND chunk_index = 0",
    "UPDATE documents SET boost = 77, chunk_count = chunk_count + 1 WHERE document_key = $1",
)
ONYX = """
CREATE SCHEMA onyx;
CREATE TABLE onyx.document (id text PRIMARY KEY, chunk_count integer);
CREATE TABLE onyx.user_file (id uuid PRIMARY KEY, chunk_count integer);
"""


async def onyx(dsn: str, counts: dict[str, int | None]) -> tuple[str, ...]:
    for statement in filter(str.strip, ONYX.split(";")):
        await fetch(dsn, statement)
    for name, count in counts.items():
        await fetch(dsn, "INSERT INTO onyx.document VALUES ($1, $2)", name, count)
    return ("--onyx-dsn", dsn, "--onyx-schema", "onyx")


def counted(rows: dict[str, dict[str, Any]]) -> dict[str, int | None]:
    counts: dict[str, int | None] = {}
    for fields in rows.values():
        counts[fields["document_id"]] = (counts.get(fields["document_id"]) or 0) + 1
    return counts


def worded(documents: int) -> dict[str, dict[str, Any]]:
    """Make rows whose texts tell them apart, as real ones do: frequent words and rare ones."""
    rows = vespa_rows(documents)
    random = np.random.default_rng(3)
    for fields in rows.values():
        fields["content"] = " ".join([fields["title"], *(f"word{place}" for place in random.zipf(1.3, 40) % 5000)])
    return rows


def assert_alike(parity: dict[str, Any], least: dict[str, float]) -> None:
    assert parity.keys() == least.keys()
    for mode, overlap in least.items():
        assert parity[mode]["queries"] >= 20
        assert parity[mode]["overlap"] >= overlap, parity
        assert parity[mode]["rank_correlation"] > 0.8, parity


async def test_a_faithful_copy_passes_and_answers_alike(dsn: str, tmp_path: Path) -> None:
    rows = worded(40)
    known = await onyx(dsn, counted(rows))
    with serve(VespaStandIn(rows, troubles={0: ["cut"]}).app()) as url:
        command.run(dsn, "import-vespa", url, "--index", "danswer_chunk", "--dimension", "8", cwd=tmp_path)
        arguments = ("verify", "--index", "danswer_chunk", "--vespa", url, *known, "--queries", "20")
        files = ("--json-file", "report.json", "--html-file", "report.html")
        assert "Passed" in command.run(dsn, *arguments, *files, cwd=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["passed"]
    assert report["findings"] == {}
    assert report["rows"] == report["compared_chunks"] == report["stored_chunks"] == len(rows)
    assert_alike(report["parity"], {"semantic": 0.97, "keyword": 0.9, "hybrid": 0.9})
    page = (tmp_path / "report.html").read_text()
    assert all(f"{mode} search, " in page for mode in ("Semantic", "Keyword", "Hybrid"))
    assert '<h1 class="passed">Passed</h1>' in page


@pytest.mark.one_postgres("catalogue")
async def test_each_difference_is_found(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(30, chunks=6)
    counts = counted(rows)
    names = [name for name, count in counts.items() if (count or 0) > 2]
    deleted = names[6]
    listed = {name: count for name, count in counts.items() if name != deleted}
    known = await onyx(dsn, listed | {"lost": 3, "never": None})
    with serve(VespaStandIn(rows).app()) as url:
        command.run(dsn, "import-vespa", url, "--index", "danswer_chunk", "--dimension", "8", cwd=tmp_path)
        keys = {row["document_id"]: row["document_key"] for row in await fetch(dsn, "SELECT * FROM documents")}
        for place, damage in enumerate(DAMAGES):
            await fetch(dsn, damage, keys[names[place]])
        renamed = "UPDATE documents SET document_id = 'orphan', document_key = $2 WHERE document_key = $1"
        await fetch(dsn, renamed, keys[names[5]], document_key("orphan"))
        arguments = ("verify", "--index", "danswer_chunk", "--vespa", url, *known, "--json", "--queries", "0")
        output = json.loads(command.invoke(dsn, *arguments, cwd=tmp_path).out)
        found = output["findings"]
        assert not output["passed"]
        assert found["missing_document"] >= 3  # two here are gone, and Onyx has a lost one
        assert found["missing_chunk"] == 1
        assert found["content_differs"] == 1
        assert found["embedding_differs"] == 1
        assert found["fields_differ"] == 1
        assert found["chunk_count_differs"] == 1
        assert found["orphan"] == 1
        assert found["onyx_chunk_count_differs"] == 1
        assert found["unknown_to_onyx"] == 2
        assert found["not_indexed"] == 1
        examples = {(example["code"], example["document_id"]) for example in output["examples"]}
        assert {("content_differs", names[2]), ("unknown_to_onyx", deleted), ("missing_document", "lost")} <= examples
        cleaned = json.loads(command.invoke(dsn, *arguments, "--delete-unknown", cwd=tmp_path).out)
        assert cleaned["deleted_documents"] == 2
    left = await fetch(dsn, "SELECT document_id FROM documents WHERE document_id = ANY ($1)", [deleted, "orphan"])
    assert left == []


async def test_a_sample_of_an_opensearch_copy_passes(dsn: str, tmp_path: Path) -> None:
    rows = {key: opensearch_source(fields) for key, fields in worded(40).items()}
    with serve(OpenSearchStandIn(rows).app()) as url:
        command.run(dsn, "import-opensearch", url, "--index", "danswer_chunk", "--dimension", "8", cwd=tmp_path)
        arguments = (
            "verify",
            "--index",
            "danswer_chunk",
            "--opensearch",
            url,
            "--json",
            "--sample",
            "0.5",
            "--queries",
            "30",
        )
        report = json.loads(command.run(dsn, *arguments, cwd=tmp_path))
    assert report["passed"]
    assert 0 < report["compared_chunks"] < report["rows"] == len(rows)
    assert_alike(report["parity"], {"semantic": 0.97, "keyword": 0.9, "hybrid": 0.9})
