"""What imports ask of the services around them."""

from collections import Counter
from pathlib import Path

import pytest

from app.domain.errors import DatabaseUnavailableError
from app.domain.imports import ImportBusyError, PageEnd, PagePart, PageRow, Reject, Run
from app.domain.keys import digest
from app.domain.migration import RowRules
from app.domain.migration_vespa import read_row
from app.services import pages
from app.services.importing import ImportService
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from tests.standins import command
from tests.standins.rows import vespa_rows
from tests.standins.snapshot import fetch, snapshot
from tests.support.storage import indexing_of, make_index, opened
from tests.support.waiting import eventually


async def begin(service: ImportService, database: Database) -> Run:
    index = await make_index(database, "danswer_chunk")
    return await service.begin(
        index, "create", source="test", fingerprint=digest("test"), parameters={}, slices=1, expected_rows=None
    )


def part() -> PagePart:
    rows = [PageRow(read_row(fields, RowRules(8)), b"{}") for fields in vespa_rows(5).values()]
    rejects = [Reject("content_missing", "none", b'{"a":1}')]
    return PagePart(rows, rejects, Counter(quarantined=1), PageEnd(None, finished=True))


async def test_one_process_at_a_run_and_no_graph_meanwhile(dsn: str) -> None:
    async with opened(dsn) as database, opened(dsn) as other:
        service = ImportService(database, indexing_of(database))
        run = await begin(service, database)
        maintainer = Maintainer(other, IndexRepository(other), MaintenanceOptions(ann_threshold=1))
        async with service.hold(run):
            await service.pages(run, run.slices[0]).write(part())
            with pytest.raises(ImportBusyError):
                async with ImportService(other, indexing_of(other)).hold(run):
                    pass
            assert (await service.list_runs("public", None))[0]["running"]
            assert await maintainer.run_once()
            assert not await IndexRepository(other).ann_states()

        async def ended() -> bool:  # its lock goes with its connection
            return not (await service.list_runs("public", None))[0]["running"]

        await eventually(ended)
        assert await maintainer.run_once()
        assert [state.state for state in (await IndexRepository(other).ann_states()).values()] == ["ready"]


async def test_a_commit_whose_answer_was_lost_counts_nothing_twice(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_WAITS", (0.01, 0.01))
    async with opened(dsn) as database:
        service = ImportService(database, indexing_of(database))
        run = await begin(service, database)
        writer = service.pages(run, run.slices[0])
        commit, lost = writer._commit, iter([True, False])

        async def lossy(*arguments: object) -> Counter[str]:
            counts = await commit(*arguments)  # type: ignore[arg-type]
            if next(lost):
                writer.state = run.slices[0]  # the writer never learnt of it
                writer._last_reject, writer._in_doubt = 0, False
                raise DatabaseUnavailableError("The connection to the database broke.")
            return counts

        monkeypatch.setattr(writer, "_commit", lossy)
        expected = part()
        counts = await writer.write(expected)
    assert counts["unchanged"] == len(expected.rows)
    assert len((await snapshot(dsn))["chunks"]) == len(expected.rows)
    assert len(await fetch(dsn, "SELECT FROM import_rejects")) == 1
    (saved,) = await fetch(dsn, "SELECT pages, finished, counts::text FROM import_slices")
    assert (saved["pages"], saved["finished"]) == (1, True)


async def test_people_see_a_table_and_programs_metrics(dsn: str, tmp_path: Path) -> None:
    rows = vespa_rows(3)
    lines = [b'{"id":"x","fields":%s}' % str(fields).encode() for fields in list(rows.values())[:1]]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    printed = command.run(dsn, "import-vespa", "rows.jsonl", "--index", "i", "--dimension", "8", cwd=tmp_path)
    assert "1 rows (1 quarantined)" in printed
    assert "quarantined: unreadable_row 1" in printed
    table = command.run(dsn, "imports", cwd=tmp_path)
    assert "finished" in table
    assert "vespa-files rows.jsonl" in table
