"""``vector-search eval``: how well each mode and profile ranks, on collections with judgements."""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from app import embedded
from app.evaluation.collections import Collection, read_collection
from app.evaluation.measures import MEASURES, NDCG, Values, compare, measure
from app.evaluation.searches import VARIANTS, Variant, index_collection, search_collection
from app.main import create_app
from app.settings import Settings
from app.storage import migrations

BASELINE = "vespa"

_SETTLE_SECONDS = 25.0
"""After indexing, for the maintainer to measure the average length and to weigh the chunks by it."""

Results = dict[str, dict[str, Values]]
"""By collection, by variant."""


def evaluate(
    folders: Sequence[Path], url: str | None, api_key: str | None, variants: Sequence[str], output: Path | None
) -> None:
    """Run collections and print a table; without a URL, on a service and a database made for this.

    Raises
    ------
    ValueError
        A folder is no collection, a variant is unknown, or a request is refused.
    """
    known = {variant.name: variant for variant in VARIANTS}
    if unknown := sorted(set(variants) - known.keys()):
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in variants] or list(VARIANTS)
    collections = [read_collection(folder) for folder in _collections(folders)]
    if url is None:
        with _database() as dsn:
            results = asyncio.run(_run_here(collections, chosen, dsn))
    else:
        results = asyncio.run(_run_there(collections, chosen, url, api_key))
    report = _report(results)
    _print(report)
    if output is not None:
        output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _collections(folders: Sequence[Path]) -> list[Path]:
    """Take each folder as a collection, or as a folder of collections."""
    found = [
        path
        for folder in folders
        for path in ([folder] if (folder / "docs.jsonl").exists() else sorted(folder.iterdir()))
        if (path / "docs.jsonl").exists()
    ]
    if not found:
        raise ValueError(f"no collection in {', '.join(map(str, folders))}")
    return found


async def _run_there(
    collections: Sequence[Collection], variants: Sequence[Variant], url: str, api_key: str | None
) -> Results:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as http:
        return await _run_all(http, collections, variants)


async def _run_here(collections: Sequence[Collection], variants: Sequence[Variant], dsn: str) -> Results:
    """Run on an application in this process, spoken to by HTTP without a socket."""
    app = create_app(Settings(database_url=SecretStr(dsn), log_level="error", maintenance_interval=5.0))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=120) as http:
            return await _run_all(http, collections, variants)


@contextmanager
def _database() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="vector-search-eval-") as folder,
        embedded.start(Path(folder) / "postgres", version=18, durable=False) as server,
    ):
        migrations.upgrade(server.dsn())
        yield server.dsn()


async def _run_all(http: httpx.AsyncClient, collections: Sequence[Collection], variants: Sequence[Variant]) -> Results:
    results: Results = {}
    for collection in collections:
        index = f"eval-{collection.name}-{uuid4().hex[:8]}"[-150:]
        try:
            await index_collection(http, index, collection)
            await asyncio.sleep(_SETTLE_SECONDS)
            results[collection.name] = {
                variant.name: measure(await search_collection(http, index, collection, variant), collection.judgements)
                for variant in variants
            }
        finally:
            await http.delete(f"/indexes/{index}")
    return results


def _report(results: Results) -> dict[str, Any]:
    """Put means, and nDCG@10 against the baseline, in one structure."""
    names = list(next(iter(results.values())))
    rows: list[dict[str, Any]] = []
    for name in names:
        for collection, runs in results.items():
            rows.append({"collection": collection, "run": name} | _means(runs[name]))
            if BASELINE in runs and name != BASELINE:
                rows[-1] |= _against([runs[name]], [runs[BASELINE]])
    macro: list[dict[str, Any]] = []
    for name in names:
        own = [runs[name] for runs in results.values()]
        means = {key: sum(_means(one)[key] for one in own) / len(own) for key in MEASURES}
        macro.append({"collection": "macro", "run": name} | means)
        if BASELINE in names and name != BASELINE:
            macro[-1] |= _against(own, [runs[BASELINE] for runs in results.values()])
    return {"baseline": BASELINE, "rows": rows + macro}


def _means(values: Values) -> dict[str, float]:
    return {name: float(array.mean()) for name, array in values.items()}


def _against(ours: Sequence[Values], theirs: Sequence[Values]) -> dict[str, float]:
    interval = compare([one[NDCG] for one in ours], [one[NDCG] for one in theirs], relative=True)
    return {"change": interval.difference, "change_low": interval.low, "change_high": interval.high}


def _print(report: Mapping[str, Any]) -> None:
    table = Table("collection", "run", *MEASURES, f"{NDCG} against {report['baseline']} [95 %]")
    before = None
    for row in sorted(report["rows"], key=lambda row: (row["collection"] == "macro", row["collection"])):
        if before not in (None, row["collection"]):
            table.add_section()
        before = row["collection"]
        change = (
            f"{row['change']:+.1%} [{row['change_low']:+.1%}, {row['change_high']:+.1%}]" if "change" in row else ""
        )
        table.add_row(row["collection"], row["run"], *(f"{row[name]:.4f}" for name in MEASURES), change)
    Console(width=120).print(table)
