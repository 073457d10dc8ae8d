"""An import killed again and again ends as one that nobody disturbed: `make faults-import` kills a hundred times."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.standins import command
from tests.standins.rows import vespa_rows
from tests.standins.serving import serve
from tests.standins.snapshot import fetch, snapshot
from tests.standins.vespa import VespaStandIn

INTO = ("--dimension", "8", "--json", "--page-size", "10", "--schema", "danswer_chunk")


async def test_an_import_killed_at_random_ends_as_an_undisturbed_one(
    dsn: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = int(request.config.getoption("--kills"))
    rows = vespa_rows(30 + 12 * kills)
    bad = {f"bad-{number}": fields | {"content": ""} for number, fields in enumerate(list(rows.values())[::17])}
    standin = VespaStandIn(rows | bad)
    chance = random.Random(20)
    with serve(standin.app()) as url:
        calm = command.run(dsn, "import-vespa", url, "--index", "calm", *INTO, cwd=tmp_path)
        arguments = ("import-vespa", url, "--index", "killed", *INTO)
        standin.requests.clear()
        killed, resumed, done = 0, 0, False
        while killed < kills and not done:
            process = command.start(dsn, *arguments, cwd=tmp_path)
            assert process.stdout is not None
            first = process.stdout.readline()
            resumed += b'"resumed"' in first
            enough = len(standin.requests) + chance.randint(1, 10)  # by pages: a slow machine gets on as well
            while process.poll() is None and len(standin.requests) < enough:  # noqa: ASYNC110  another thread counts
                await asyncio.sleep(0.001)
            await asyncio.sleep(chance.uniform(0.0, 0.05))
            done = process.poll() is not None
            if not done:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.communicate()
        if not done:
            command.run(dsn, *arguments, cwd=tmp_path)
    assert killed == kills, "the corpus is large enough to be interrupted so often"
    assert resumed >= kills - 1
    assert len({asked.get("continuation") for asked in standin.requests}) > kills, "it got on between the kills"
    assert await snapshot(dsn, "killed") == await snapshot(dsn, "calm")
    assert await rejects(dsn, "killed") == await rejects(dsn, "calm")
    assert command.events(calm)[-1]["rows"] == len(rows) + len(bad)
    runs = {run["index_name"]: run for run in command.events(command.run(dsn, "imports", "--json", cwd=tmp_path))}
    assert [run["state"] for run in runs.values()] == ["finished", "finished"]
    counts = runs["killed"]["counts"]
    assert counts["imported"] + counts.get("unchanged", 0) == len(rows)
    assert counts["quarantined"] == len(bad)


async def rejects(dsn: str, index: str) -> list[tuple[object, ...]]:
    found = await fetch(
        dsn,
        """SELECT r.slice, r.code, r.body FROM import_rejects AS r JOIN imports AS i USING (import_id)
           JOIN indexes AS x USING (index_id) WHERE x.name = $1 ORDER BY r.slice, r.code, r.body""",
        index,
    )
    return [tuple(row.values()) for row in found]
