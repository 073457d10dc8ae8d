"""Imports from OpenSearch by a point in time."""

import base64
from pathlib import Path
from typing import Any

import trustme

from tests.standins import command
from tests.standins.opensearch import OpenSearchStandIn
from tests.standins.rows import opensearch_source, vespa_rows
from tests.standins.serving import serve
from tests.standins.snapshot import snapshot
from tests.standins.vespa import VespaStandIn

INTO = ("--index", "danswer_chunk", "--dimension", "8", "--json", "--page-size", "20")


def sources(documents: int = 40) -> dict[str, dict[str, Any]]:
    return {key: opensearch_source(fields) for key, fields in vespa_rows(documents).items()}


async def test_everything_comes_over_whatever_befalls_the_pages(dsn: str, tmp_path: Path) -> None:
    rows = sources()
    standin = OpenSearchStandIn(rows)
    standin.troubles = [503, "expired", "timed_out", "vectorless", "shard", "expired", 429, "vectorless"]
    with serve(standin.app()) as url:
        output = command.run(dsn, "import-opensearch", url, *INTO, cwd=tmp_path)
    done = command.events(output)[-1]
    assert not standin.troubles
    assert standin.opened >= 4
    assert not standin.points, "points in time are closed"
    assert done["rows"] == done["expected_rows"] == len(rows)
    assert done["counts"]["imported"] + done["counts"]["unchanged"] == len(rows)


async def test_it_brings_what_vespa_brings_and_what_vespa_lacks(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(40)
    with serve(VespaStandIn(rows).app()) as url:
        command.run(dsn, "import-vespa", url, "--index", "danswer_chunk", "--dimension", "8", cwd=tmp_path)
    with serve(OpenSearchStandIn({key: opensearch_source(row) for key, row in rows.items()}).app()) as url:
        into = ("--index", "other", "--source-index", "danswer_chunk", *INTO[2:])
        command.run(dsn, "import-opensearch", url, *into, cwd=tmp_path)
    vespa, opensearch = await snapshot(dsn), await snapshot(dsn, "other")
    assert vespa["chunks"] == opensearch["chunks"]
    assert vespa["chunk_embeddings"] == opensearch["chunk_embeddings"]
    assert vespa["title_embeddings"] == opensearch["title_embeddings"]
    for theirs, ours in zip(vespa["documents"], opensearch["documents"], strict=True):
        assert ours[8] is not None
        assert ours[13] == [3, 5]
        assert (*theirs[:8], None, *theirs[9:13], [], *theirs[14:]) == (*ours[:8], None, *ours[9:13], [], *ours[14:])


async def test_port_marks_other_sizes_and_tenants_are_respected(dsn: str, tmp_path: Path) -> None:
    rows = sources(12)
    names = sorted({row["document_id"] for row in rows.values()})
    for row in rows.values():
        row["tenant_id"] = "mine" if row["document_id"] != names[0] else "theirs"
        if row["document_id"] == names[1]:
            row["written_by_port"] = True
    large = next(row for row in rows.values() if row["document_id"] == names[2])
    rows["large"] = large | {"max_chunk_size": 2048}
    with serve(OpenSearchStandIn(rows).app()) as url:
        tenant = ("--source-tenant", "mine")
        output = command.run(dsn, "import-opensearch", url, *INTO, *tenant, cwd=tmp_path)
    counts = command.events(output)[-1]["counts"]
    assert counts["skipped:large_chunk"] == 1
    stored = {row[2]: row[16] for row in (await snapshot(dsn))["documents"]}
    assert names[0] not in stored
    assert stored.pop(names[1]) == "port"
    assert set(stored.values()) == {"import"}


async def test_passwords_and_self_signed_certificates(dsn: str, tmp_path: Path) -> None:
    rows = sources(3)
    trustme.CA().issue_cert("elsewhere").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    standin = OpenSearchStandIn(rows, authorisation=f"Basic {base64.b64encode(b'admin:secret').decode()}")
    with serve(standin.app(), certificate=tmp_path / "server.pem") as url:
        wrong = command.run(dsn, "import-opensearch", url, *INTO, "--insecure", cwd=tmp_path, fails=True)
        assert "HTTP 401" in wrong
        known = ("--insecure", "--user", "admin", "--password", "secret")
        output = command.run(dsn, "import-opensearch", url, *INTO, *known, cwd=tmp_path)
    assert command.events(output)[-1]["counts"]["imported"] == len(rows)
    listed = command.run(dsn, "imports", "--json", cwd=tmp_path)
    assert "secret" not in listed
