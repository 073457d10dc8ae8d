"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

IndexName = Annotated[str | None, typer.Option("--index", help="Our index; the default one when left out.")]
Tenant = Annotated[str, typer.Option(help="Our tenant.")]
Dimension = Annotated[
    int | None, typer.Option(min=1, max=4000, help="Embedding dimension, to make the index if there is none.")
]
Language = Annotated[str | None, typer.Option(help="Language of an index that is made.")]
Upsert = Annotated[
    bool, typer.Option("--upsert", help="Replace what is there. Without it what is there stays: new writes win.")
]
Anew = Annotated[bool, typer.Option("--new-run", help="Begin at the beginning, even if a run stopped midway.")]
Quarantine = Annotated[
    Path | None, typer.Option(help="File for rows that cannot be taken; quarantine-<import>.jsonl when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Lines of JSON on standard output, for programs.")]
MetricsPort = Annotated[int | None, typer.Option(help="Serve Prometheus metrics at this port meanwhile.")]
Graph = Annotated[bool, typer.Option("--graph/--no-graph", help="See the index's HNSW graph built before ending.")]
Slices = Annotated[int, typer.Option(min=1, max=64, help="Parallel parts; must stay the same until a run ends.")]
PageSize = Annotated[int, typer.Option(min=1, max=10_000, help="Rows asked for at once.")]
SourceTenant = Annotated[
    str | None,
    typer.Option(help="The tenant whose rows are taken from a multi-tenant source; rows of others are put aside."),
]
DocumentIds = Annotated[
    Path | None, typer.Option(help="File of real document ids, one a line: Vespa keeps ' as _ and they are put right.")
]
OnyxDsn = Annotated[
    str | None,
    typer.Option(envvar="ONYX_DATABASE_URL", help="Onyx's PostgreSQL, for the real ids and chunk counts."),
]
OnyxQuery = Annotated[str | None, typer.Option(help="SQL instead of the own one: ids, and chunk counts if known.")]
OnyxSchema = Annotated[str, typer.Option(help="Schema of Onyx's tables; a tenant's in a multi-tenant Onyx.")]
Certificate = Annotated[Path | None, typer.Option(help="Client certificate (PEM), as for Vespa Cloud.")]
Key = Annotated[Path | None, typer.Option(help="Its key (PEM).")]
Authority = Annotated[Path | None, typer.Option("--ca", help="Authority that signed the source's certificate (PEM).")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Accept any certificate of the source.")]
User = Annotated[str | None, typer.Option(help="User of the source.")]
Password = Annotated[
    str | None, typer.Option(envvar="SOURCE_PASSWORD", help="Its password; better in SOURCE_PASSWORD.")
]
Schema = Annotated[str | None, typer.Option(help="The Vespa schema, which Onyx names as its index.")]
Namespace = Annotated[str, typer.Option(help="The Vespa namespace.")]
Selection = Annotated[str | None, typer.Option(help="A Vespa selection instead of: all but large chunks.")]
