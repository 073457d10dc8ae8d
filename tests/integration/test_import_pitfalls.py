"""Every pitfall of a real migration, planted: each row is imported, left out by rule or put aside with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.standins import command
from tests.standins.rows import vespa_key, vespa_rows
from tests.standins.serving import serve
from tests.standins.snapshot import fetch, snapshot
from tests.standins.vespa import VespaStandIn

HUGE = "x" * 1_600_000
QUOTED, PLAIN, TWINS = "https://x/it's", "https://x/plain_1", ("https://y/a'b", "https://y/a_b")


def base(name: str, chunk_id: int = 0) -> dict[str, Any]:
    """Make a good row."""
    fields = next(iter(vespa_rows(1, chunks=1).values()))
    return fields | {"document_id": name, "chunk_id": chunk_id}


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


REJECTED: dict[str, list[dict[str, Any]]] = {
    "content_missing": [
        {"document_id": "stub-1", "access_control_list": {"PUBLIC": 1}, "boost": 1.0},
        base("stub-2") | {"content": ""},
        base("stub-3") | {"content": "\x00\x01"},
    ],
    "semantic_identifier_missing": [without(base("nameless"), "semantic_identifier")],
    "embedding_missing": [
        without(base("vectorless-1"), "embeddings"),
        base("vectorless-2") | {"embeddings": {"mini_chunk_0": [1.0] * 8}},
        base("vectorless-3") | {"embeddings": {"full_chunk": []}},
    ],
    "embedding_dimension": [base("short") | {"embeddings": {"full_chunk": [1.0] * 7}}],
    "embedding_invalid": [
        base("nan") | {"embeddings": {"full_chunk": [float("nan")] + [1.0] * 7}},
        base("huge-number") | {"embeddings": {"full_chunk": [1e300] + [1.0] * 7}},
        base("words") | {"embeddings": {"full_chunk": ["one"] * 8}},
    ],
    "title_embedding_dimension": [base("title-short") | {"title_embedding": [1.0] * 3}],
    "source_type_missing": [without(base("sourceless"), "source_type")],
    "boost_missing": [without(base("boostless"), "boost")],
    "chunk_id_missing": [without(base("placeless"), "chunk_id")],
    "chunk_id_invalid": [base("minus") | {"chunk_id": -1}],
    "document_id_missing": [without(base("gone"), "document_id")],
    "document_id_invalid": [base("nul\x00"), base("surrogate\ud800"), base("l" * 5000)],
    "metadata_list_invalid": [base("tagless") | {"metadata_list": ["no separator"]}],
    "source_links_invalid": [base("linkless") | {"source_links": "{broken"}],
    "doc_updated_at_invalid": [base("far-future") | {"doc_updated_at": 10**15}],
    "ambiguous_id": [base(TWINS[1])],
    "tenant_unexpected": [base("foreign") | {"tenant_id": "tenant_x"}],
}
IMPORTED: dict[str, dict[str, Any]] = {
    "integers": base("integers") | {"embeddings": {"full_chunk": [1, 0, 0, 0, 0, 0, 0, 0]}},
    "blocks": base("blocks") | {"embeddings": {"blocks": {"full_chunk": [0.5] * 8, "mini_chunk_0": [1.0] * 8}}},
    "title-values": base("title-values") | {"title_embedding": {"values": [1, 2, 3, 4, 5, 6, 7, 8]}},
    "untitled": without(base("untitled"), "title"),
    "blank-title": base("blank-title") | {"title": " \n"},
    "title-without-vector": without(base("title-without-vector"), "title_embedding"),
    "large-metadata": base("large-metadata") | {"metadata_list": [f"body==={HUGE}"], "content": HUGE + " end"},
    "many-words": base("many-words") | {"content": " ".join(f"word{number}" for number in range(40_000))},
    "unlisted": without(base("unlisted"), "access_control_list"),
    "zero": base("zero") | {"embeddings": {"full_chunk": [0.0] * 8}},
    "surrogate-text": base("surrogate-text") | {"content": "a\ud83d b", "blurb": "\x00c"},
    "null-links": base("null-links") | {"source_links": "null"},
    "empty-links": base("empty-links") | {"source_links": "{}"},
    "whole-boost": base("whole-boost") | {"boost": 3.0},
    "slash": base("https://z/x"),
    "slash-too": base("https://z/x/"),
    "minimal": {
        "document_id": "minimal", "chunk_id": 0, "content": "c", "embeddings": {"full_chunk": [1] * 8},
        "source_type": "web", "boost": 0, "semantic_identifier": "m",
    },
    "quoted": base(QUOTED.replace("'", "_")),
    "plain": base(PLAIN),
}  # fmt: skip
LARGE = base("integers") | {"large_chunk_reference_ids": [0, 1, 2, 3]}


def corpus() -> dict[str, dict[str, Any]]:
    """Plant all of them, with one chunk that comes twice and one that comes twice and differs."""
    rows = {f"good-{name}": fields for name, fields in IMPORTED.items()}
    rows |= {f"bad-{code}-{n}": f for code, several in REJECTED.items() for n, f in enumerate(several)}
    rows["same-again"] = dict(IMPORTED["minimal"])
    rows["other-again"] = IMPORTED["integers"] | {"content": "another text"}
    rows[vespa_key(LARGE, "large")] = LARGE
    return rows


async def test_every_planted_row_is_accounted_for(dsn: str, tmp_path: Path) -> None:
    rows = corpus()
    (tmp_path / "ids.txt").write_text("\n".join([QUOTED, PLAIN, *TWINS, '"\\u0061 JSON id"']), encoding="utf-8")
    arguments = ("--index", "danswer_chunk", "--dimension", "8", "--json", "--slices", "1", "--document-ids", "ids.txt")
    everything = ("--selection", "danswer_chunk.document_id == ''")
    standin = VespaStandIn(rows, selects=False)  # large chunks come too
    with serve(standin.app()) as url:
        quarantine = tmp_path / "put-aside.jsonl"
        where = ("--quarantine", str(quarantine))
        output = command.run(dsn, "import-vespa", url, *arguments, *everything, *where, cwd=tmp_path)
    done = command.events(output)[-1]
    counts = done["counts"]
    lines = [json.loads(line) for line in quarantine.read_bytes().splitlines()]

    assert done["rows"] == len(rows)
    assert counts["imported"] == len(IMPORTED)
    assert counts["unchanged"] == 1, "the same chunk once more"
    assert (counts["skipped"], counts["skipped:large_chunk"]) == (1, 1)
    found = {code.partition(":")[2]: number for code, number in counts.items() if code.startswith("quarantined:")}
    again = {name: found.pop(name, 0) for name in ("duplicate_chunk", "chunk_differs")}
    assert sum(again.values()) == 1, "another chunk in its place"
    assert found == {code: len(several) for code, several in REJECTED.items()}
    assert counts["quarantined"] == len(lines) == sum(found.values()) + 1
    assert counts["warning:access_missing"] == 3
    by_reason: dict[str, set[str]] = {}
    for line in lines:
        assert line["detail"]
        if "id" in line:
            by_reason.setdefault(line["reason"], set()).add(line["id"].rpartition("::")[2])
    for code, several in REJECTED.items():
        planted = {f"bad-{code}-{number}" for number in range(len(several))}
        assert by_reason.get(code, set()) <= planted
        unreadable = sum(1 for line in lines if line["reason"] == code and "id" not in line)
        assert len(by_reason.get(code, set())) + unreadable == len(planted)


async def test_what_is_taken_is_taken_right(dsn: str, tmp_path: Path) -> None:
    rows = [{"id": f"id:d:s::{key}", "fields": fields} for key, fields in corpus().items()]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "ids.txt").write_text("\n".join([QUOTED, PLAIN, *TWINS]))
    arguments = ("--index", "danswer_chunk", "--dimension", "8", "--document-ids", "ids.txt", "--json")
    command.run(dsn, "import-vespa", "rows.jsonl", *arguments, cwd=tmp_path)
    stored = await snapshot(dsn)
    documents = {row[2]: row for row in stored["documents"]}
    names = {fields["document_id"] for fields in IMPORTED.values()} - {QUOTED.replace("'", "_")} | {QUOTED}
    assert set(documents) == names
    chunks = {row[0]: row for row in stored["chunks"]}
    titles = {row[0] for row in stored["title_embeddings"]}

    def title(name: str) -> tuple[str | None, bool]:
        return documents[name][17], documents[name][0] in titles

    assert title("untitled") == title("blank-title") == (None, False)
    assert title("title-without-vector") == ("Access 0", False)
    assert title("integers") == ("Access 0", True)
    assert documents["unlisted"][3:5] == (False, [])
    assert documents["integers"][3:5] == (True, [])
    assert documents["whole-boost"][5] == 3
    assert documents["large-metadata"][12] == [f"body==={HUGE}"]
    assert chunks[documents["large-metadata"][0]][5] == HUGE + " end"
    assert chunks[documents["surrogate-text"][0]][5:7] == ("a b", "c")
    assert chunks[documents["null-links"][0]][10] is None
    assert chunks[documents["empty-links"][0]][10] is None
    assert chunks[documents["minimal"][0]][5:11] == ("c", "", "", "", None, None)
    embeddings = {row[0]: row[2] for row in stored["chunk_embeddings"]}
    assert embeddings[documents["blocks"][0]] == "[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5]"
    assert embeddings[documents["zero"][0]] == "[0,0,0,0,0,0,0,0]"


async def test_a_mended_row_is_imported_from_the_quarantine_file(dsn: str, tmp_path: Path) -> None:
    rows = [{"id": "id:d:s::1", "fields": base("good")}, {"id": "id:d:s::2", "fields": without(base("bad"), "boost")}]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(json.dumps(row).encode() for row in rows) + b'\n{"cut')
    arguments = ("--index", "danswer_chunk", "--dimension", "8", "--json")
    first = command.run(dsn, "import-vespa", "rows.jsonl", *arguments, "--quarantine", "q.jsonl", cwd=tmp_path)
    aside = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in aside] == ["boost_missing", "unreadable_row"]
    import_id = command.events(first)[-1]["import_id"]
    assert command.run(dsn, "imports", import_id, cwd=tmp_path) == (tmp_path / "q.jsonl").read_text()
    aside[0]["fields"]["boost"] = 1
    (tmp_path / "mended.jsonl").write_text(json.dumps(aside[0]))
    command.run(dsn, "import-vespa", "mended.jsonl", *arguments, cwd=tmp_path)
    assert {row["document_id"] for row in await fetch(dsn, "SELECT document_id FROM documents")} == {"good", "bad"}


@pytest.mark.one_postgres("catalogue")
async def test_a_row_the_database_refuses_spoils_no_other(dsn: str, tmp_path: Path) -> None:
    refuse = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.content = 'too large' THEN RAISE program_limit_exceeded USING MESSAGE = 'it is too large'; END IF;
            IF NEW.content = 'poison' THEN RAISE check_violation USING MESSAGE = 'it is poison'; END IF;
            RETURN NEW;
        END $$"""
    await fetch(dsn, refuse)
    await fetch(dsn, "CREATE TRIGGER refuse BEFORE INSERT ON chunks FOR EACH ROW EXECUTE FUNCTION refuse()")
    contents = ["good 0", "too large", "good 1", "poison", "good 2"]
    rows = [base("one document", place) | {"content": content} for place, content in enumerate(contents)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"id": "x", "fields": row}) for row in rows))
    arguments = ("--index", "danswer_chunk", "--dimension", "8", "--json", "--quarantine", "q.jsonl")
    output = command.run(dsn, "import-vespa", "rows.jsonl", *arguments, cwd=tmp_path)
    counts = command.events(output)[-1]["counts"]
    assert (counts["imported"], counts["quarantined"]) == (3, 2)
    aside = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert [(line["reason"], line["fields"]["content"]) for line in aside] == [
        ("unstorable", "too large"),
        ("unexpected", "poison"),
    ]
    assert "it is too large" in aside[0]["detail"]
    stored = await snapshot(dsn)
    assert [row[5] for row in stored["chunks"]] == ["good 0", "good 1", "good 2"]
    assert [row[6] for row in stored["documents"]] == [3]
