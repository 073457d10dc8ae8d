"""The doctor: what is wrong, what it leads to, what to change."""

import asyncio
import json
from dataclasses import asdict
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from app.domain.diagnosis import Facts, Finding, Wanted, diagnose
from app.settings import Settings
from app.storage.database import Database
from app.storage.diagnostics import gather
from app.storage.pools import PoolOptions
from app.storage.revisions import known_revisions, newest_revision

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_BESIDE_POOLS = 2
"""Connections of a process for probes and for the maintainer."""


def examine(settings: Settings, dsn: str, *, as_json: bool) -> bool:
    """Print every finding; return whether none is an error."""
    findings = diagnose(asyncio.run(_facts(settings, dsn)))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201  the answer
    else:
        console = Console(soft_wrap=True, highlight=False)
        for finding in findings:
            console.print(_line(finding))
    return all(finding.level != "error" for finding in findings)


async def _facts(settings: Settings, dsn: str) -> Facts:
    database = Database(dsn, PoolOptions(search_connections=1, write_connections=2))
    await database.open()
    try:
        return await gather(database, urlsplit(dsn).hostname, _wanted(settings))
    finally:
        await database.close()


def _wanted(settings: Settings) -> Wanted:
    return Wanted(
        revision=newest_revision(),
        known_revisions=frozenset(known_revisions()),
        connections=settings.search_connections + settings.write_connections + _BESIDE_POOLS,
        workers=settings.workers,
        ann_threshold=settings.ann_threshold,
        m=settings.ann_m,
        ef_construction=settings.ann_ef_construction,
    )


def _line(finding: Finding) -> Text:
    """One line, so that it reads through a pipe as well; what to change stands under it."""
    line = Text.assemble((f"{finding.level:8}", _COLOURS[finding.level]), f"{finding.subject}: {finding.found}")
    return line.append(f"\n{'':8}{finding.advice}") if finding.advice else line
