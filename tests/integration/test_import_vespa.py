"""Imports from Vespa: live and from the files of the real `vespa visit`."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import zstandard

from tests.conftest import make_settings, running
from tests.standins import command
from tests.standins.rows import vespa_rows
from tests.standins.serving import serve
from tests.standins.snapshot import fetch, snapshot
from tests.standins.vespa import VespaStandIn

INTO = ("--index", "danswer_chunk", "--dimension", "8", "--json")


def finished(output: str) -> dict[str, Any]:
    last = command.events(output)[-1]
    assert last["event"] == "finished"
    return last


def visit(url: str, folder: Path, *options: str) -> bytes:
    """Run the real `vespa visit`."""
    environment = os.environ | {"VESPA_CLI_HOME": str(folder), "HOME": str(folder)}
    binary = str(Path(sys.executable).parent / "vespa")
    arguments = [binary, "visit", "-t", url, "--selection", "danswer_chunk.large_chunk_reference_ids == null", *options]
    return subprocess.run(arguments, env=environment, check=True, capture_output=True).stdout


async def test_everything_comes_over_whatever_befalls_the_pages(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(60)
    standin = VespaStandIn(rows, troubles={0: [503, "cut", "slow"], 1: ["drop", 429, "short"], 3: [504, 504]})
    with serve(standin.app()) as url:
        done = finished(command.run(dsn, "import-vespa", url, *INTO, "--page-size", "7", cwd=tmp_path))
    assert not any(standin.troubles.values()), "every trouble was met"
    assert done["rows"] == len(rows) == sum(done["counts"][name] for name in ("imported", "unchanged"))
    stored = await snapshot(dsn)
    assert [(row[2], row[6]) for row in sorted(stored["documents"], key=lambda row: row[2])] == sorted(
        (name, sum(fields["document_id"] == name for fields in rows.values()))
        for name in {fields["document_id"] for fields in rows.values()}
    )
    some = next(row for row in stored["documents"] if row[2].startswith("https://wiki.example/12?"))
    assert some[3:5] == (False, ["group:eng", "user_email:u12@x.io"])
    assert json.loads(some[-1]) == {"space": "5", "label": ["one", "two"], "formula": "a===b"}


async def test_the_files_of_the_real_visit_give_the_same_rows_as_the_live_one(dsn: str, tmp_path: Path) -> None:
    standin = VespaStandIn(vespa_rows(40))
    with serve(standin.app()) as url:
        command.run(dsn, "import-vespa", url, *INTO, "--slices", "1", cwd=tmp_path)
        plain, feed = visit(url, tmp_path), visit(url, tmp_path, "--make-feed")
        pretty = visit(url, tmp_path, "--make-feed", "--pretty-json")
        halves = [visit(url, tmp_path, "--slices", "2", "--slice-id", str(number)) for number in range(2)]
    live = await snapshot(dsn)
    files = {"plain.jsonl": plain, "feed.json": feed, "pretty.json": pretty, "plain.gz": gzip.compress(plain)}
    files["plain.zst"] = zstandard.ZstdCompressor().compress(plain)
    files |= {f"half{number}.jsonl": half for number, half in enumerate(halves)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for names in (*([name] for name in files if not name.startswith("half")), ["half0.jsonl", "half1.jsonl"], ["-"]):
        index = f"from-{'-'.join(names)}".replace("--", "-stdin")
        stdin = plain if names == ["-"] else b""
        arguments = ("import-vespa", *names, "--index", index, "--dimension", "8", "--json")
        done = finished(command.run(dsn, *arguments, cwd=tmp_path, stdin=stdin))
        assert done["counts"]["imported"] == done["rows"] == len(standin.rows)
        found = await snapshot(dsn, index)
        tables = (
            live if names != ["half0.jsonl", "half1.jsonl"] else {k: v for k, v in live.items() if k != "chunk_terms"}
        )
        assert {table: found[table] for table in tables} == tables, names


async def test_a_run_that_stopped_goes_on_where_it_was(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(60)
    standin = VespaStandIn(rows, sizes=(1.0,), troubles={2: [400]})
    with serve(standin.app()) as url:
        arguments = ("import-vespa", url, *INTO, "--page-size", "10")
        assert "1 of 4 slices stopped" in command.run(dsn, *arguments, cwd=tmp_path, fails=True)
        (listed,) = command.events(command.run(dsn, "imports", "--json", cwd=tmp_path))
        assert (listed["state"], listed["finished_slices"], listed["slices"]) == ("stopped", 3, 4)
        assert "HTTP 400" in listed["error"]
        standin.requests.clear()
        output = command.run(dsn, *arguments, cwd=tmp_path)
    assert command.events(output)[0]["event"] == "resumed"
    assert {asked["sliceId"] for asked in standin.requests if "sliceId" in asked} == {"2"}
    assert finished(output)["rows"] == len(rows)
    (listed,) = command.events(command.run(dsn, "imports", "--json", cwd=tmp_path))
    assert (listed["state"], listed["attempts"], listed["counts"]["imported"]) == ("finished", 2, len(rows))


async def test_what_ordinary_indexing_wrote_wins_while_rows_are_copied(dsn: str, tmp_path: Path) -> None:
    """Before, between and after the pages that hold a document's chunks."""
    rows = vespa_rows(30, chunks=8)
    names = sorted({fields["document_id"] for fields in rows.values()})
    settings = make_settings(dsn, default_index="danswer_chunk")

    async with running(settings) as http:

        async def write(name: str) -> None:
            chunk = {"chunk_index": 0, "content": "new", "embedding": [1.0] + [0.0] * 7}
            document = {"id": name, "title": "New", "access": {"public": True}, "chunks": [chunk]}
            (await http.post("/documents", json={"documents": [document]})).raise_for_status()

        fresh = iter(names)
        written: list[str] = []
        loop = asyncio.get_running_loop()

        async def on_page(_slice: int, _page: list[str]) -> None:
            if (name := next(fresh, None)) is not None:
                written.append(name)
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(write(name), loop))

        await write(names[-1])
        standin = VespaStandIn(rows, on_page=on_page)
        with serve(standin.app()) as url:
            out = await asyncio.to_thread(
                command.run, dsn, "import-vespa", url, *INTO, "--page-size", "5", cwd=tmp_path
            )
    done = finished(out)
    assert len(written) > 10
    assert done["counts"]["superseded"] > 0
    assert done["rows"] == len(rows)
    stored = await snapshot(dsn)
    for row in stored["documents"]:
        name, count, writer, title = row[2], row[6], row[16], row[17]
        if name in {*written, names[-1]}:
            assert (count, writer, title) == (1, "index", "New")
        else:
            assert (count, writer) == (sum(f["document_id"] == name for f in rows.values()), "import")
    assert len(stored["chunks"]) == sum(row[6] for row in stored["documents"]) == len(stored["chunk_terms"])
    assert len(stored["chunks"]) == len(stored["chunk_embeddings"])


async def test_slices_that_bring_chunks_of_one_document_lose_none(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(1, chunks=200, seed=5)
    with serve(VespaStandIn(rows, sizes=(1.0,)).app()) as url:
        command.run(dsn, "import-vespa", url, *INTO, "--slices", "8", "--page-size", "3", cwd=tmp_path)
    stored = await snapshot(dsn)
    assert [row[6] for row in stored["documents"]] == [len(rows)] == [len(stored["chunks"])]
    assert [row[1] for row in stored["chunks"]] == list(range(len(rows)))


async def test_upsert_replaces_what_create_leaves(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(8)
    with serve(VespaStandIn(rows).app()) as url:
        command.run(dsn, "import-vespa", url, *INTO, cwd=tmp_path)
    changed = {key: fields | {"content": "changed", "boost": 7.0} for key, fields in rows.items()}
    with serve(VespaStandIn(changed).app()) as url:
        quarantine = tmp_path / "q.jsonl"
        arguments = ("import-vespa", url, *INTO)
        done = finished(command.run(dsn, *arguments, "--quarantine", str(quarantine), cwd=tmp_path))
        assert done["counts"]["quarantined:chunk_differs"] == len(rows)
        assert {json.loads(line)["reason"] for line in quarantine.read_text().splitlines()} == {"chunk_differs"}
        assert {row[5] for row in (await snapshot(dsn))["chunks"]} == {fields["content"] for fields in rows.values()}
        done = finished(command.run(dsn, *arguments, "--upsert", cwd=tmp_path))
        assert done["counts"]["imported"] == len(rows)
    stored = await snapshot(dsn)
    assert {row[5] for row in stored["chunks"]} == {"changed"}
    assert {row[5] for row in stored["documents"]} == {7}


async def test_a_tenant_takes_its_own_rows_only(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(20)
    for number, fields in enumerate(rows.values()):
        fields["tenant_id"] = f"tenant_{number % 2}"
    with serve(VespaStandIn(rows).app()) as url:
        tenant = ("--tenant", "one", "--source-tenant", "tenant_1")
        done = finished(command.run(dsn, "import-vespa", url, *INTO, *tenant, cwd=tmp_path))
        everything = ("--tenant", "two", "--source-tenant", "tenant_0", "--selection", "")
        selection = ("--selection", "danswer_chunk.large_chunk_reference_ids == null")
        mixed = finished(command.run(dsn, "import-vespa", url, *INTO, *everything[:4], *selection, cwd=tmp_path))
    mine = sum(fields["tenant_id"] == "tenant_1" for fields in rows.values())
    assert done["rows"] == done["counts"]["imported"] == mine
    assert mixed["counts"]["quarantined:tenant_mismatch"] == mine
    assert mixed["counts"]["imported"] == len(rows) - mine
    assert {row["tenant_id"] for row in await fetch(dsn, "SELECT tenant_id FROM indexes")} == {"one", "two"}


async def test_client_certificates_and_own_authorities_are_used(dsn: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.issue_cert("client@example").private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    rows = vespa_rows(3)
    tls = {"certificate": tmp_path / "server.pem", "client_authority": tmp_path / "ca.pem"}
    with serve(VespaStandIn(rows).app(), **tls) as url:
        known = ("--ca", str(tmp_path / "ca.pem"), "--cert", str(tmp_path / "client.pem"))
        done = finished(command.run(dsn, "import-vespa", url, *INTO, *known, cwd=tmp_path))
    assert done["counts"]["imported"] == len(rows)


@pytest.mark.parametrize("form", ["short-value", "short", "long"])
async def test_tensors_come_in_any_form(form: str, dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(3)
    standin = VespaStandIn(rows)
    lines = [standin._document(key, {"format.tensors": form}) for key in rows]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    done = finished(command.run(dsn, "import-vespa", "rows.jsonl", *INTO, cwd=tmp_path))
    assert done["counts"]["imported"] == len(rows)
