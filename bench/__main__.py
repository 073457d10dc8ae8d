"""The command line of the benchmarks: ``python -m bench run`` and ``python -m bench show``."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import peers, tables
from bench.bench import TARGET, Pace
from bench.dataset import cache_folder
from bench.machine import interpreter
from bench.results import FOLDER, Cells, Results, read
from bench.service import serving
from bench.setting import make_material, service_folder, staged
from bench.suites import STARTING, SUITES, starting
from bench.systems import Material

cli = typer.Typer(
    help="Benchmarks of Onyx Vector Search (docs/benchmarks.md).", no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console(width=int(os.environ.get("COLUMNS", "200")))

SMALL = 25_000
_FULL = 100_000
ALL_SUITES = ",".join([*SUITES, STARTING])
ALL_PEERS = ",".join(peers.NAMES)

Size = Annotated[int, typer.Option(help="Chunks; a multiple of ten.")]
Dimension = Annotated[int, typer.Option(help="Numbers in an embedding.")]
Wanted = Annotated[str, typer.Option(help="Suites, with commas between them.")]
Against = Annotated[str, typer.Option(help="Peers, with commas between them; empty for none.")]
Rounds = Annotated[int | None, typer.Option(help="Repetitions of every cell; 3, from 100,000 chunks on 5.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Measure again what an interrupted run has measured.")]
Python = Annotated[str, typer.Option(help="The interpreter that runs the service.")]
Keep = Annotated[bool, typer.Option("--keep", help="Make these the last results, in bench/results.")]


@cli.command()
def run(
    *,
    size: Size = SMALL,
    dimension: Dimension = 768,
    suites: Wanted = ALL_SUITES,
    beside: Against = ALL_PEERS,
    rounds: Rounds = None,
    fresh: Fresh = False,
    python: Python = sys.executable,
    keep: Keep = False,
) -> None:
    """Run suites; each is stored as it finishes, and a rerun of the same revision goes on."""
    wanted, names = _listed(suites, [*SUITES, STARTING]), _listed(beside, peers.NAMES)
    full = size >= _FULL
    pace = Pace(rounds or (5 if full else 3), 100 if full else 40, 3.0 if full else 1.0)
    console.print("making or finding the data")
    material = make_material(cache_folder(), size, dimension)
    head = {
        "size": size, "dimension": dimension, "peers": names, "target_recall": TARGET,
        "rounds": pace.rounds, "questions": pace.questions, "seconds": pace.seconds,
        "service_python": interpreter(python),
    }  # fmt: skip
    results = Results(material.folder / "run.json", head, resume=not fresh)
    _run_missing(results, [name for name in wanted if not results.has(name)], material, names, pace, python)
    tables.show(results.content, console)
    last = FOLDER / f"{size}x{dimension}.json"
    if last.exists():
        tables.show_differences(read(last), results.content, console)
    picture = results.path.with_suffix(".png")
    _draw(results.path, picture)
    if keep:
        FOLDER.mkdir(exist_ok=True)
        last.write_bytes(results.path.read_bytes())
        last.with_suffix(".png").write_bytes(picture.read_bytes())
    console.print(f"results: {last if keep else results.path}")


@cli.command()
def show(path: Path, against: Annotated[Path | None, typer.Option(help="Results to compare with.")] = None) -> None:
    """Show results that were kept, and draw them."""
    content = read(path)
    tables.show(content, console)
    if against is not None:
        tables.show_differences(read(against), content, console)
    _draw(path, path.with_suffix(".png"))


def _run_missing(
    results: Results, missing: list[str], material: Material, names: list[str], pace: Pace, python: str
) -> None:
    beside = [name for name in missing if name != STARTING]
    if beside:
        with staged(material, names, pace, python, console.print) as bench:
            for name in beside:
                _timed(results, name, partial(SUITES[name], bench))
    if STARTING in missing:
        start = partial(serving, service_folder(material.folder), python=python)
        _timed(results, STARTING, partial(starting.run, start, material, pace.rounds))


def _timed(results: Results, name: str, suite: Callable[[], Cells]) -> None:
    console.print(f"suite {name}")
    started = time.perf_counter()
    cells = suite()
    results.add(name, cells, time.perf_counter() - started)


def _draw(results: Path, picture: Path) -> None:
    from bench import plots  # noqa: PLC0415  matplotlib takes a second to load

    plots.draw(read(results), picture)


def _listed(text: str, known: Sequence[str]) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    cli()
