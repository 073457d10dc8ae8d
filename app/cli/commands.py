"""Commands, and how they find their database."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from app import embedded
from app.cli import doctor, import_commands, keys, recall, serving, verifying
from app.domain.errors import ServiceError
from app.observability.logging import configure_logging
from app.settings import Settings, database_dsn
from app.storage import migrations
from app.storage.revisions import newest_revision

cli = typer.Typer(
    help="Onyx Vector Search: the document index of Onyx on PostgreSQL and pgvector.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
import_commands.register(cli)
verifying.register(cli)
keys.register(cli)
recall.register(cli)


WithSample = Annotated[bool, typer.Option("--with-sample", help="Load the sample corpus if the index is empty.")]
Revision = Annotated[str, typer.Argument(help="A revision, such as 0001.")]
Corpora = Annotated[list[Path], typer.Argument(help="Folders of collections, or folders of such folders.")]
Url = Annotated[str | None, typer.Option(help="A running service; without it, one is made for this.")]
ApiKey = Annotated[str | None, typer.Option(envvar="EVAL_API_KEY", help="Its key.")]
Runs = Annotated[list[str] | None, typer.Option(help="Only these runs, such as keyword or default.")]
Output = Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")]
Down = Annotated[bool, typer.Option("--down", help="Go back to the revision.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@cli.command()
def serve(*, with_sample: WithSample = False) -> None:
    """Serve the API; without a named database, on an embedded PostgreSQL that is migrated first."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    if settings.wants_embedded:
        with embedded.start(settings.data_dir, version=settings.embedded_version) as server:
            migrations.upgrade(server.dsn())
            serving.serve(settings, server.dsn(), with_sample=with_sample)
    else:
        serving.serve(settings, database_dsn(settings), with_sample=with_sample)


@cli.command()
def migrate(revision: Revision = "head", *, down: Down = False) -> None:
    """Bring the schema to a revision."""
    settings = Settings()
    if settings.wants_embedded:
        with embedded.start(settings.data_dir, version=settings.embedded_version) as server:
            _migrate(server.dsn(), revision, down=down)
    else:
        _migrate(database_dsn(settings), revision, down=down)


@cli.command()
def distribute() -> None:
    """Spread a database over the nodes of Citus, which it got after its schema; services are stopped meanwhile."""
    migrations.distribute(database_dsn(Settings()))
    typer.echo("The tables are spread over the nodes.")


@cli.command(name="eval")
def evaluate(
    corpora: Corpora, *, url: Url = None, api_key: ApiKey = None, run: Runs = None, output: Output = None
) -> None:
    """Measure how well each mode and rank profile ranks (needs the extra `eval`)."""
    try:
        from app.cli import evaluating  # noqa: PLC0415  its libraries are an extra
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is missing: pip install 'onyx-vector-search[eval]'")
    evaluating.evaluate(corpora, url, api_key, run or [], output)


@cli.command(name="doctor")
def examine(*, as_json: AsJson = False) -> None:
    """Look at the database the service stands on, and say what to change and why; fails if something is broken."""
    settings = Settings()
    configure_logging("error", settings.log_format)
    if settings.wants_embedded:
        with embedded.start(settings.data_dir, version=settings.embedded_version) as server:
            well = doctor.examine(settings, server.dsn(), as_json=as_json)
    else:
        well = doctor.examine(settings, database_dsn(settings), as_json=as_json)
    if not well:
        raise typer.Exit(1)


def main() -> None:
    """Run a command; what a person can mend is told in one line."""
    try:
        cli()
    except ValidationError as error:
        _fail("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}".lstrip(": ") for item in error.errors()))
    except (embedded.EmbeddedError, ServiceError, ValueError) as error:
        _fail(str(error))


def _migrate(dsn: str, revision: str, *, down: bool) -> None:
    (migrations.downgrade if down else migrations.upgrade)(dsn, revision)
    typer.echo(f"The schema is at revision {revision if revision != 'head' else newest_revision()}.")


def _fail(message: str) -> NoReturn:
    typer.echo(f"vector-search: {message}", err=True)
    sys.exit(1)
