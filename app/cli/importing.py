"""Commands that move documents in and out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import typer
from prometheus_client import start_http_server

from app.cli.garbage import collect_seldom
from app.cli.toolbox import Toolbox, open_toolbox, run_command
from app.domain.errors import IndexNotFoundError, InvalidRequestError, TenantNotFoundError
from app.domain.imports import OUTCOMES, Run
from app.domain.indexes import Index, IndexSettings
from app.domain.keys import digest
from app.domain.migration import RealIds, RowRules
from app.importing.known_ids import IdFile, KnownDocuments, find_real_ids
from app.importing.progress import Reporter, Tally
from app.importing.quarantine import write_quarantine
from app.importing.runner import ImportRunner
from app.importing.source import Source
from app.settings import Settings
from app.storage.onyx import OnyxDocuments


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go, and how the run is shown."""

    index: str | None
    tenant: str
    dimension: int | None
    language: str | None
    upsert: bool
    anew: bool
    quarantine: Path | None
    as_json: bool
    metrics_port: int | None
    graph: bool


def import_rows(
    target: Target, make_source: Callable[[RowRules], Source], slices: int, *, known: KnownDocuments | None = None,
    source_tenant: str | None = None, made_with: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Run one import to its end, or to the point where a repeated command takes it up."""
    collect_seldom()
    if target.metrics_port is not None:
        start_http_server(target.metrics_port)

    async def work(settings: Settings, dsn: str) -> None:
        async with open_toolbox(settings, dsn, writers=slices + 2) as tools:
            index = await _index(settings, tools, target, made_with)
            ids = RealIds() if known is None else await find_real_ids(known)
            if ids.ambiguous:
                typer.echo(f"{len(ids.ambiguous)} ids are spelt alike in Vespa; their rows are put aside.", err=True)
            source = make_source(RowRules(index.embedding_dimension, source_tenant, ids))
            try:
                await _run(tools, index, source, target)
            finally:
                await source.close()

    run_command(work)


async def _run(tools: Toolbox, index: Index, source: Source, target: Target) -> None:
    mode = source.upsert_mode if target.upsert else "create"
    parameters = {**source.parameters(), "mode": mode}
    run = await tools.imports.begin(
        index,
        mode,
        source=source.label,
        fingerprint=digest(orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS)),
        parameters=parameters,
        slices=source.slices,
        expected_rows=await source.expected_rows(),
        anew=target.anew,
    )
    reporter = Reporter(as_json=target.as_json)
    reporter.emit(
        {"event": "resumed" if run.resumed else "started", "import_id": run.import_id, "source": source.label}
    )
    if run.resumed and not target.as_json:
        typer.echo(f"The import {run.import_id} goes on where it stopped.", err=True)
    async with _quarantined(tools, run, target) as written:
        tally = await ImportRunner(tools.imports, source, reporter).run(run)
    reporter.emit(tally.as_json("loaded"))
    if not (target.graph and await tools.maintainer.is_due(index)):  # building a graph takes statistics anyway
        await tools.maintainer.analyse(index)
    graph = await _see_graph(tools, index) if target.graph else None
    reporter.emit(
        tally.as_json("finished") | {"import_id": run.import_id, "quarantine": written.get("path"), "graph": graph}
    )
    if not target.as_json:
        typer.echo(_summary(run, tally, written, graph))


@asynccontextmanager
async def _quarantined(tools: Toolbox, run: Run, target: Target) -> AsyncIterator[dict[str, Any]]:
    """Write the quarantine file whatever way the run ends."""
    written: dict[str, Any] = {}
    path = target.quarantine or Path(f"quarantine-{run.import_id}.jsonl")
    try:
        yield written
    finally:
        if await asyncio.shield(write_quarantine(tools.imports.rejects(run.import_id), path)):
            written["path"] = str(path)


async def _index(settings: Settings, tools: Toolbox, target: Target, made_with: dict[str, Any] | None) -> Index:
    """Find the index that is filled, or make it."""
    name = target.index or (made_with or {}).get("name") or settings.default_index
    try:
        index = await tools.catalog.get(target.tenant, name)
    except (IndexNotFoundError, TenantNotFoundError) as error:
        dimension = target.dimension or (made_with or {}).get("embedding_dimension")
        if dimension is None:
            raise IndexNotFoundError(f"{error.detail} Or name its --dimension and it is made.") from error
        kept = {
            key: (made_with or {}).get(key) for key in ("language", "access_control", "rank_profile", "quantisation")
        }
        kept["language"] = target.language or kept["language"]
        index, _ = await tools.catalog.put(target.tenant, name, IndexSettings(dimension, **kept))
        if average := (made_with or {}).get("average_length"):
            await tools.catalog.settle_average_length(index, average)
            index = await tools.catalog.get(target.tenant, name)
    if target.dimension not in {None, index.embedding_dimension}:
        raise InvalidRequestError(
            f'Embeddings in the index "{name}" have {index.embedding_dimension} numbers, not {target.dimension}.'
        )
    return index


async def _see_graph(tools: Toolbox, index: Index) -> str:
    """Build the HNSW graph if it pays, or wait while the service builds it."""
    while not await tools.maintainer.run_once():  # another process is the maintainer
        state = (await tools.catalog.state(index.tenant_id, index.name)).ann
        if state.state == "ready" or not await tools.maintainer.is_due(index):
            return state.state
        await asyncio.sleep(1.0)
    return (await tools.catalog.state(index.tenant_id, index.name)).ann.state


def _summary(run: Run, tally: Tally, written: dict[str, Any], graph: str | None) -> str:
    counts = ", ".join(f"{tally.counts[outcome]} {outcome}" for outcome in OUTCOMES if tally.counts[outcome])
    lines = [f"Import {run.import_id} is done: {tally.rows} rows ({counts or 'none'}), {tally.rate:.0f} rows/s."]
    lines += [
        f"  {name.partition(':')[0]}: {name.partition(':')[2]} {number}"
        for name, number in sorted(tally.counts.items())
        if ":" in name and number
    ]
    if "path" in written:
        lines.append(f"  The rows that were put aside, with reasons: {written['path']}")
    if graph is not None:
        lines.append(f"  HNSW graph: {graph}")
    return "\n".join(lines)


def known_documents(
    ids: Path | None, dsn: str | None, query: str | None = None, schema: str = "public"
) -> KnownDocuments | None:
    """Choose where real ids come from."""
    if ids is not None:
        return IdFile(ids)
    return None if dsn is None else OnyxDocuments(dsn, query, schema)
