"""``import-vespa``, ``import-opensearch``, ``import``, ``export`` and ``imports``."""
# ruff: noqa: FBT002, PLR0913, PLR0917  a command's parameters are its options, and typer reads them by position

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from app.cli import options as o
from app.cli.importing import Target, import_rows, known_documents
from app.cli.toolbox import open_toolbox, run_command
from app.domain.errors import InvalidRequestError
from app.domain.imports import OUTCOMES
from app.domain.migration import RowRules
from app.importing.file_rows import FileRows
from app.importing.http_pages import Connection
from app.importing.ndjson import Exported, ExportFiles, read_header, write_export
from app.importing.opensearch_scan import OpenSearchScan, ScanOptions
from app.importing.progress import Reporter
from app.importing.quarantine import quarantine_line
from app.importing.source import Source
from app.importing.vespa_visit import VespaVisit, VisitOptions, vespa_rows
from app.services.startup import PUBLIC_TENANT
from app.settings import Settings

Sources = Annotated[
    list[str], typer.Argument(help="Address of a container, or files of `vespa visit`; - is standard input.")
]


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.command("import-vespa")(import_vespa)
    cli.command("import-opensearch")(import_opensearch)
    cli.command("import")(import_export)
    cli.command("export")(export)
    cli.command("imports")(imports)


def import_vespa(
    sources: Sources, index: o.IndexName = None, tenant: o.Tenant = PUBLIC_TENANT, schema: o.Schema = None,
    namespace: o.Namespace = "default", slices: o.Slices = 4, page_size: o.PageSize = 500,
    selection: o.Selection = None, source_tenant: o.SourceTenant = None, document_ids: o.DocumentIds = None,
    onyx_dsn: o.OnyxDsn = None, onyx_query: o.OnyxQuery = None, onyx_schema: o.OnyxSchema = "public",
    cert: o.Certificate = None, key: o.Key = None, ca: o.Authority = None, insecure: o.Insecure = False,
    dimension: o.Dimension = None, language: o.Language = None, upsert: o.Upsert = False, new_run: o.Anew = False,
    quarantine: o.Quarantine = None, as_json: o.AsJson = False, metrics_port: o.MetricsPort = None,
    graph: o.Graph = True,
) -> None:  # fmt: skip
    """Bring everything over from Vespa: live by visits, or from the files of `vespa visit`.

    Repeat the command to take up an import that stopped.
    """
    target = Target(index, tenant, dimension, language, upsert, new_run, quarantine, as_json, metrics_port, graph)
    live = sources[0].startswith(("http://", "https://"))
    name = schema or index
    if live and (len(sources) > 1 or name is None):
        raise InvalidRequestError("Give one address, and --schema or --index.")

    def make(rules: RowRules) -> Source:
        if not live:
            return FileRows(sources, "vespa-files", vespa_rows(rules), "merge")
        connection = Connection(sources[0], cert, key, ca, not insecure)
        return VespaVisit(connection, VisitOptions(name or "", namespace, slices, page_size, selection), rules)

    known = known_documents(document_ids, onyx_dsn, onyx_query, onyx_schema)
    import_rows(target, make, slices if live else len(sources), known=known, source_tenant=source_tenant)


def import_opensearch(
    url: Annotated[str, typer.Argument(help="Address of OpenSearch.")], index: o.IndexName = None,
    tenant: o.Tenant = PUBLIC_TENANT,
    source_index: Annotated[str | None, typer.Option(help="OpenSearch's index, if it has another name.")] = None,
    slices: o.Slices = 2, page_size: o.PageSize = 500, source_tenant: o.SourceTenant = None, user: o.User = None,
    password: o.Password = None, cert: o.Certificate = None, key: o.Key = None, ca: o.Authority = None,
    insecure: o.Insecure = False, dimension: o.Dimension = None, language: o.Language = None,
    upsert: o.Upsert = False, new_run: o.Anew = False, quarantine: o.Quarantine = None, as_json: o.AsJson = False,
    metrics_port: o.MetricsPort = None, graph: o.Graph = True,
) -> None:  # fmt: skip
    """Bring everything over from OpenSearch, by a point in time.

    Repeat the command to take up an import that stopped.
    """
    target = Target(index, tenant, dimension, language, upsert, new_run, quarantine, as_json, metrics_port, graph)
    name = source_index or index
    if name is None:
        raise InvalidRequestError("Give --index or --source-index.")
    connection = Connection(url, cert, key, ca, not insecure, user, password)

    def make(rules: RowRules) -> Source:
        return OpenSearchScan(connection, ScanOptions(name, slices, page_size), rules)

    import_rows(target, make, slices, source_tenant=source_tenant)


def import_export(
    files: Annotated[list[str], typer.Argument(help="Files of `vector-search export`; - is standard input.")],
    index: o.IndexName = None, tenant: o.Tenant = PUBLIC_TENANT, dimension: o.Dimension = None,
    language: o.Language = None, upsert: o.Upsert = False, new_run: o.Anew = False,
    quarantine: o.Quarantine = None, as_json: o.AsJson = False, metrics_port: o.MetricsPort = None,
    graph: o.Graph = True,
) -> None:  # fmt: skip
    """Restore an export: documents come back as they were, to the last bit."""
    target = Target(index, tenant, dimension, language, upsert, new_run, quarantine, as_json, metrics_port, graph)
    made_with = read_header(files[0])
    import_rows(target, lambda rules: ExportFiles(files, rules), len(files), made_with=made_with)


def export(
    path: Annotated[Path, typer.Argument(help="File to write; .gz or .zst compresses.")],
    index: o.IndexName = None, tenant: o.Tenant = PUBLIC_TENANT, as_json: o.AsJson = False,
) -> None:  # fmt: skip
    """Write an index to a file: every document with its chunks and embeddings."""

    async def work(settings: Settings, dsn: str) -> Exported:
        async with open_toolbox(settings, dsn) as tools:
            found = await tools.catalog.get(tenant, index)
            return await write_export(tools.reading, found, path)

    done = run_command(work)
    Reporter(as_json=as_json).emit({"event": "exported", "documents": done.documents, "chunks": done.chunks})
    if not as_json:
        typer.echo(f"{path}: {done.documents} documents, {done.chunks} chunks.")


def imports(
    import_id: Annotated[
        UUID | None, typer.Argument(help="Write the rows that this import put aside to standard output.")
    ] = None,
    index: o.IndexName = None, tenant: o.Tenant = PUBLIC_TENANT, as_json: o.AsJson = False,
) -> None:  # fmt: skip
    """List imports, or show what one of them put aside."""

    async def work(settings: Settings, dsn: str) -> list[dict[str, Any]]:
        async with open_toolbox(settings, dsn) as tools:
            if import_id is not None:
                async for reject in tools.imports.rejects(import_id):
                    sys.stdout.buffer.write(quarantine_line(reject["code"], reject["detail"], reject["body"]))
                return []
            return [_shown(dict(row)) for row in await tools.imports.list_runs(tenant, index)]

    runs = run_command(work)
    if import_id is not None:
        return
    if as_json:
        for run in runs:
            Reporter(as_json=True).emit(run)
    else:
        Console().print(_table(runs))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for of_slice in row["counts"]:
        counts.update(of_slice)
    state = row["state"]
    if state == "open":
        state = "running" if row.pop("running") else "stopped"
    row.pop("running", None)
    return row | {"state": state, "counts": dict(sorted(counts.items()))}


def _table(runs: list[dict[str, Any]]) -> Table:
    table = Table(title="Imports", title_justify="left")
    for heading in ("import", "index", "source", "state", "started", "slices", *OUTCOMES, "error"):
        table.add_column(heading, overflow="fold")
    for run in runs:
        table.add_row(
            str(run["import_id"]),
            run["index_name"],
            run["source"],
            run["state"],
            f"{run['started_at']:%Y-%m-%d %H:%M}",
            f"{run['finished_slices']}/{run['slices']}",
            *(str(run["counts"].get(outcome, 0)) for outcome in OUTCOMES),
            run["error"] or "",
        )
    return table
