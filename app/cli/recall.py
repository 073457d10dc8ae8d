"""``recall``: what share of the nearest chunks searches find, and how long they take."""

from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from app.cli import options as o
from app.cli.toolbox import open_toolbox, run_command
from app.services.recall import MeasuredFilter, RecallRequest
from app.services.startup import PUBLIC_TENANT
from app.settings import Settings

K = Annotated[int, typer.Option("--k", min=1, max=100, help="Nearest chunks that are compared.")]
Queries = Annotated[int, typer.Option(min=1, max=200, help="Questions under each filter.")]
MinRecall = Annotated[float | None, typer.Option(min=0.5, max=1.0, help="Recall to aim at, as in a search.")]


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command(name="recall")(measure)


def measure(
    *,
    index: o.IndexName = None,
    tenant: o.Tenant = PUBLIC_TENANT,
    k: K = 10,
    queries: Queries = 20,
    min_recall: MinRecall = None,
    as_json: o.AsJson = False,
) -> None:
    """Compare searches with exact ones, without a filter and under common values of every selectivity."""
    request = RecallRequest(k=k, queries=queries, min_recall=min_recall, seconds=120.0)

    async def work(settings: Settings, dsn: str) -> list[MeasuredFilter]:
        async with open_toolbox(settings, dsn) as tools:
            return await tools.recall.measure(tenant, index, request)

    measured = run_command(work)
    if as_json:
        for one in measured:
            typer.echo(orjson.dumps(asdict(one)))
        return
    table = Table("filter", "share", "recall", "worst", "short", "strategies", "ms", "exact ms")
    for one in measured:
        strategies = ", ".join(f"{name} {count}" for name, count in one.strategies.items())
        shown = ", ".join(f"{name}: {value}" for name, value in one.filters.items()) or "none"
        cells = (shown, f"{one.share:.4f}", f"{one.recall:.3f}", f"{one.least:.2f}", str(one.short), strategies)
        table.add_row(*cells, f"{one.ms:.1f}", f"{one.exact_ms:.1f}")
    Console().print(table)
