"""A verification as people and programs read it."""

import html
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from app.domain.verification import EXPECTED, Finding, Findings, Parity

MEANINGS = {
    "missing_document": "The source or Onyx has the document, and it is not here.",
    "missing_chunk": "The source has the chunk, and it is not here.",
    "content_differs": "Text or links of the chunk differ.",
    "embedding_differs": "The chunk's vector is not the source's in half precision.",
    "fields_differ": "Fields of the document differ; a later metadata synchronisation explains access, sets and boost.",
    "chunk_count_differs": "The document has another number of chunks than in the source.",
    "orphan": "An imported document that the source has not (any more).",
    "onyx_chunk_count_differs": "Onyx counts other chunks; it counts large ones too.",
    "unknown_to_onyx": "Onyx does not know the document: deleted while it was copied. --delete-unknown removes it.",
    "superseded": "Written anew by ordinary indexing since: newer than the source.",
    "newer_document": "Written by ordinary indexing, and not in the source.",
    "not_importable": "A row of the source that cannot be taken: see the import's quarantine.",
    "left_out": "A row of the source that is left out by rule.",
    "not_indexed": "Onyx knows the document without chunks: it was never indexed, or its embedding failed.",
}


@dataclass(slots=True)
class VerificationReport:
    """What was verified, and what was found."""

    index: str
    tenant: str
    source: str | None
    rows: int = 0
    compared: int = 0
    stored_documents: int = 0
    stored_chunks: int = 0
    findings: Findings = field(default_factory=Findings)
    parity: dict[str, Parity] = field(default_factory=dict)
    """By mode of search; empty if nothing was searched."""
    deleted: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against switching over."""
        return self.findings.passed

    def as_json(self) -> dict[str, Any]:
        """Show all of it to a program."""
        return {
            "event": "verified",
            "passed": self.passed,
            "index": self.index,
            "tenant": self.tenant,
            "source": self.source,
            "at": self.at,
            "rows": self.rows,
            "compared_chunks": self.compared,
            "stored_documents": self.stored_documents,
            "stored_chunks": self.stored_chunks,
            "findings": dict(sorted(self.findings.counts.items())),
            "examples": [asdict(example) for example in self.findings.examples],
            "parity": {mode: asdict(parity) for mode, parity in self.parity.items()},
            "deleted_documents": self.deleted,
        }


def print_report(report: VerificationReport, console: Console) -> None:
    """Show the report on a terminal."""
    console.print("[green]Passed[/green]" if report.passed else "[red]Not passed[/red]", *_headline(report))
    table = Table("finding", "number", "meaning", show_lines=False)
    for code, number in sorted(report.findings.counts.items()):
        style = None if code in EXPECTED else "red"
        table.add_row(code, str(number), MEANINGS[code], style=style)
    if report.findings.counts:
        console.print(table)
    for example in [e for e in report.findings.examples if e.code not in EXPECTED][:10]:
        console.print("  ", *_cells(example), markup=False)
    for mode, parity in report.parity.items():
        console.print(_parity(mode, parity))


def write_html(report: VerificationReport, path: Path) -> None:
    """Write the report as a page that stands by itself."""
    verdict = "Passed" if report.passed else "Not passed"
    kinds = "".join(_row(code, number, MEANINGS[code]) for code, number in sorted(report.findings.counts.items()))
    examples = "".join(_row(*_cells(example)) for example in report.findings.examples)
    sentences = "<br>".join(html.escape(_parity(mode, parity)) for mode, parity in report.parity.items())
    parity = f"<h2>Search parity</h2><p>{sentences}</p>" if sentences else ""
    path.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Verification of {html.escape(report.index)}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;
overflow-wrap:anywhere}}.passed{{color:#176b2c}}.failed{{color:#a11}}</style></head>
<body><h1 class="{"passed" if report.passed else "failed"}">{verdict}</h1>
<p>{html.escape(" ".join(_headline(report)))} {report.at:%Y-%m-%d %H:%M} UTC.</p>
<h2>Findings</h2><table><tr><th>finding</th><th>number</th><th>meaning</th></tr>{kinds}</table>{parity}
<h2>Examples</h2><table><tr><th>finding</th><th>document</th><th>chunk</th><th>detail</th></tr>{examples}</table>
</body></html>
""",
        encoding="utf-8",
    )


def write_json(report: VerificationReport, path: Path) -> None:
    """Write the report for programs."""
    path.write_bytes(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _headline(report: VerificationReport) -> tuple[str, ...]:
    source = "" if report.source is None else f"held against {report.source}: {report.rows} rows read, "
    stored = f"{report.stored_documents} documents with {report.stored_chunks} chunks stored"
    return (
        f"{report.index} (tenant {report.tenant})",
        f"{source}{report.compared} chunks compared, {stored}, {report.deleted} documents deleted.",
    )


def _parity(mode: str, parity: Parity) -> str:
    correlation = "" if parity.rank_correlation is None else f", rank correlation {parity.rank_correlation:.3f}"
    return f"{mode.title()} search, {parity.queries} queries: overlap@{parity.limit} {parity.overlap:.3f}{correlation}."


def _cells(example: Finding) -> tuple[str, ...]:
    chunk = "" if example.chunk_index is None else str(example.chunk_index)
    return example.code, example.document_id, chunk, example.detail


def _row(*cells: object) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
