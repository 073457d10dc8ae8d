"""Backups: what is exported and imported again is the same to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from app.domain.documents import Access, Chunk, Document
from tests.standins import command
from tests.standins.snapshot import fetch, snapshot
from tests.support.storage import indexing_of, make_index, opened


async def fill(dsn: str) -> None:
    random = np.random.default_rng(3)
    async with opened(dsn) as database:
        index = await make_index(database, "origin")
        for number, writer in enumerate(("index", "import", "port")):
            documents = []
            for place in range(70):
                scale = 10.0 ** random.integers(-6, 6)
                chunks = tuple(
                    Chunk(i, f'text {i} of {place} ✓ "\\', (random.standard_normal(8) * scale).astype(np.float32),
                          source_links={"0": "u"} if i else None, metadata_suffix=None if i else "")
                    for i in range(place % 4)
                )  # fmt: skip
                documents.append(
                    Document(
                        f"{writer}/{place}'s", f"name {place}", Access(place % 2 == 0, ("a", "b")), title=f"T{place}",
                        metadata={"a": ["1", "2"], "n": {"x": 1.5}}, boost=-place, hidden=place % 5 == 0,
                        hierarchy_node_ids=(2**62, 1), title_embedding=chunks[0].embedding if chunks else None,
                        primary_owners=("p",), chunks=chunks,
                    )
                )  # fmt: skip
            await indexing_of(database).write("public", index.name, documents, written_by=writer)  # type: ignore[arg-type]
            del number


@pytest.mark.parametrize("name", ["backup.jsonl", "backup.jsonl.zst", "backup.jsonl.gz"])
async def test_a_round_trip_changes_nothing(name: str, dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    command.run(dsn, "export", name, "--index", "origin", cwd=tmp_path)
    output = command.run(dsn, "import", name, "--index", "copy", "--json", cwd=tmp_path)
    assert command.events(output)[-1]["counts"]["imported"] == 210
    assert await snapshot(dsn, "copy") == await snapshot(dsn, "origin")
    lengths = await fetch(dsn, "SELECT DISTINCT average_length, access_control, language FROM indexes")
    assert len(lengths) == 1
    again = command.events(command.run(dsn, "import", name, "--index", "copy", "--json", cwd=tmp_path))[-1]
    assert again["counts"] == {"superseded": 70, "unchanged": 93, "imported": 47} or again["counts"]["superseded"] == 70
    command.run(dsn, "import", name, "--index", "copy", "--upsert", cwd=tmp_path)
    assert await snapshot(dsn, "copy") == await snapshot(dsn, "origin")


async def test_an_export_that_broke_off_is_no_backup(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    command.run(dsn, "export", "backup.jsonl", "--index", "origin", cwd=tmp_path)
    lines = (tmp_path / "backup.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines[:-1]))
    complaint = command.run(dsn, "import", "cut.jsonl", "--index", "copy", cwd=tmp_path, fails=True)
    assert "broke off" in complaint
