"""``verify``: whether all of it is here and answers alike."""
# ruff: noqa: FBT002, PLR0913, PLR0917  a command's parameters are its options, and typer reads them by position

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import orjson
import typer
from rich.console import Console

from app.cli import options as o
from app.cli.importing import known_documents
from app.cli.toolbox import Toolbox, open_toolbox, run_command
from app.domain.callers import OPERATOR
from app.domain.errors import InvalidRequestError
from app.domain.filters import Filters
from app.domain.imports import SourceError
from app.domain.indexes import Index
from app.domain.migration import RealIds, RowRules
from app.domain.search import Search
from app.domain.verification import Question
from app.importing.checking import SourceCheck
from app.importing.file_rows import FileRows
from app.importing.http_pages import Connection
from app.importing.known_ids import KnownDocuments, find_real_ids
from app.importing.ndjson import ExportFiles, read_header
from app.importing.opensearch_scan import OpenSearchScan, ScanOptions
from app.importing.opensearch_search import OpenSearchSearch
from app.importing.parity import SearchedEngine, compare_rankings, mixed_questions
from app.importing.report import VerificationReport, print_report, write_html, write_json
from app.importing.source import Source
from app.importing.vespa_search import VespaSearch
from app.importing.vespa_visit import VespaVisit, VisitOptions, vespa_rows
from app.services.startup import PUBLIC_TENANT
from app.settings import Settings

_DELETE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """What the index was filled from."""

    vespa: str | None
    opensearch: str | None
    files: tuple[str, ...]
    connection: Connection
    name: str
    namespace: str
    slices: int
    source_tenant: str | None
    rank_profile: str | None

    def source(self, rules: RowRules) -> Source | None:
        """Open it for reading."""
        if self.vespa is not None:
            return VespaVisit(self.connection, VisitOptions(self.name, self.namespace, self.slices), rules)
        if self.opensearch is not None:
            return OpenSearchScan(self.connection, ScanOptions(self.name, self.slices), rules)
        if not self.files:
            return None
        if read_header(self.files[0]) is not None:
            return ExportFiles(list(self.files), rules)
        return FileRows(self.files, "vespa-files", vespa_rows(rules), "merge")

    def search(self, dimension: int, ids: RealIds) -> SearchedEngine | None:
        """Open it for searching."""
        if self.vespa is not None:
            profile = self.rank_profile or f"hybrid_search_semantic_base_{dimension}"
            return VespaSearch(self.connection, self.name, profile, ids)
        if self.opensearch is not None:
            return OpenSearchSearch(self.connection, self.name, self.source_tenant)
        return None


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("verify")(verify)


def verify(
    index: o.IndexName = None, tenant: o.Tenant = PUBLIC_TENANT,
    vespa: Annotated[str | None, typer.Option(help="Address of the Vespa it came from.")] = None,
    opensearch: Annotated[str | None, typer.Option(help="Address of the OpenSearch it came from.")] = None,
    files: Annotated[list[str] | None, typer.Option("--file", help="File it came from; may be repeated.")] = None,
    schema: Annotated[str | None, typer.Option(help="Vespa's schema or OpenSearch's index, if not ours.")] = None,
    namespace: o.Namespace = "default", slices: o.Slices = 2, source_tenant: o.SourceTenant = None,
    document_ids: o.DocumentIds = None, onyx_dsn: o.OnyxDsn = None, onyx_query: o.OnyxQuery = None,
    onyx_schema: o.OnyxSchema = "public", user: o.User = None, password: o.Password = None,
    cert: o.Certificate = None, key: o.Key = None, ca: o.Authority = None, insecure: o.Insecure = False,
    sample: Annotated[float, typer.Option(min=0.0, max=1.0, help="Part of the documents compared by checksum.")] = 1.0,
    queries: Annotated[int, typer.Option(min=0, max=10_000, help="Queries put to both engines.")] = 100,
    query_file: Annotated[
        Path | None, typer.Option(help='Real queries instead: lines of {"embedding": […], "query": "…"}.')
    ] = None,
    rank_profile: Annotated[str | None, typer.Option(help="Vespa's rank profile for them.")] = None,
    delete_unknown: Annotated[
        bool, typer.Option("--delete-unknown", help="Delete documents that Onyx does not know.")
    ] = False,
    as_json: o.AsJson = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
) -> None:  # fmt: skip
    """Prove that all of it came: against the source, against Onyx's database, and by searching both.

    Ends with 1 if anything is missing or different.
    """
    if vespa is not None and opensearch is not None:
        raise InvalidRequestError("Name one of --vespa and --opensearch.")
    connection = Connection(vespa or opensearch or "", cert, key, ca, not insecure, user, password)
    known = known_documents(document_ids, onyx_dsn, onyx_query, onyx_schema)
    if delete_unknown and known is None:
        raise InvalidRequestError("To delete what Onyx does not know, name --onyx-dsn or --document-ids.")

    async def work(settings: Settings, dsn: str) -> VerificationReport:
        async with open_toolbox(settings, dsn) as tools:
            found = await tools.catalog.get(tenant, index)
            origin = Origin(
                vespa, opensearch, tuple(files or ()), connection, schema or found.name, namespace, slices,
                source_tenant, rank_profile,
            )  # fmt: skip
            ids = RealIds() if known is None else await find_real_ids(known)
            report = await _against_source(tools, found, origin, ids, sample)
            if known is not None:
                await _against_onyx(tools, found, known, report, delete=delete_unknown)
            await _count(tools, found, report)
            await _parity(tools, found, origin.search(found.embedding_dimension, ids), report, queries, query_file)
            return report

    report = run_command(work)
    _show(report, json_file, html_file, as_json=as_json)
    if not report.passed:
        raise typer.Exit(1)


async def _against_source(
    tools: Toolbox, index: Index, origin: Origin, ids: RealIds, sample: float
) -> VerificationReport:
    source = origin.source(RowRules(index.embedding_dimension, origin.source_tenant, ids))
    if source is None:
        return VerificationReport(index.name, index.tenant_id, None)
    try:
        checked = await SourceCheck(tools.verification, index, source, sample).run()
    finally:
        await source.close()
    return VerificationReport(
        index.name, index.tenant_id, source.label, checked.rows, checked.compared, findings=checked.findings
    )


async def _against_onyx(
    tools: Toolbox, index: Index, known: KnownDocuments, report: VerificationReport, *, delete: bool
) -> None:
    unknown = await tools.verification.compare_known(index, known.read(), report.findings)
    if not delete or not unknown:
        return
    async for _ in known.read():
        break
    else:
        raise SourceError("Onyx's list of documents is empty: nothing is deleted by it.")
    for start in range(0, len(unknown), _DELETE_BATCH):
        gone = await tools.indexing.delete(index.tenant_id, index.name, unknown[start : start + _DELETE_BATCH])
        report.deleted += sum(changed.found for changed in gone)
    del report.findings.counts["unknown_to_onyx"]


async def _count(tools: Toolbox, index: Index, report: VerificationReport) -> None:
    size = (await tools.catalog.state(index.tenant_id, index.name)).size
    report.stored_documents, report.stored_chunks = size.documents, size.chunks


async def _parity(
    tools: Toolbox, index: Index, engine: SearchedEngine | None, report: VerificationReport, queries: int,
    query_file: Path | None,
) -> None:  # fmt: skip
    if engine is None or not (queries or query_file) or not report.stored_chunks:
        return
    try:
        questions = _read_questions(query_file) if query_file else await _sample_questions(tools, index, queries)
        report.parity = await compare_rankings(tools.search, index, engine, questions, 10)
    finally:
        await engine.close()


async def _sample_questions(tools: Toolbox, index: Index, number: int) -> Sequence[Question]:
    """Mix the embeddings of random chunks, and take words of them."""
    everything = Search(OPERATOR.permit(Filters(hidden=None)), mode="random", limit=2 * number)
    hits = (await tools.search.search(index.tenant_id, index.name, everything)).hits
    chunks = [(hit.row["document_id"], hit.row["chunk_index"]) for hit in hits]
    return mixed_questions(await tools.verification.texts_and_embeddings(index, chunks))


def _read_questions(path: Path) -> list[Question]:
    try:
        asked = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        return [Question(np.array(one["embedding"], dtype=np.float32), str(one.get("query") or "")) for one in asked]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: {error}") from error


def _show(report: VerificationReport, json_file: Path | None, html_file: Path | None, *, as_json: bool) -> None:
    if json_file is not None:
        write_json(report, json_file)
    if html_file is not None:
        write_html(report, html_file)
    if as_json:
        typer.echo(orjson.dumps(report.as_json()).decode())
    else:
        print_report(report, Console())
