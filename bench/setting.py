"""Setting the stage: data, a filled service, filled peers; what is there already is used again."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import asyncpg

from bench import peers
from bench.bench import Bench, Pace
from bench.dataset import Dataset, Recipe
from bench.floor import Floor
from bench.processes import postgres_processes
from bench.selections import Selections
from bench.service import ROOT, serving
from bench.systems import Filled, Material, Peer, Server

_FILLED = "filled.json"
_IN_POSTGRES = ("langchain", "seed")
"""Peers that live in the service's PostgreSQL, and go with it."""


@contextmanager
def staged(
    material: Material, names: Sequence[str], pace: Pace, python: str, say: Callable[[str], None]
) -> Iterator[Bench]:
    """Start the service and the peers, fill those that are empty, and stop them in the end."""
    folder = service_folder(material.folder)
    with ExitStack() as stack:
        service = stack.enter_context(serving(folder, python=python))
        filled = {service.name: _fill(folder, service.name, partial(service.fill, material), say)}
        server = Server(service.dsn, partial(postgres_processes, service.data_dir))
        opened: list[Peer] = []
        for name in names:
            home = (folder if name in _IN_POSTGRES else material.folder) / "peers" / name
            if not (home / _FILLED).exists():
                shutil.rmtree(home, ignore_errors=True)  # of a run that was interrupted
            peer = peers.load(name, home, server)
            if peer is None:
                say(f"{name} is not installed: left out")
                continue
            stack.callback(peer.close)
            filled[peer.name] = _fill(home, peer.name, partial(peer.fill, material), say)
            opened.append(peer)
        asyncio.run(_vacuum(service.dsn))
        floor = Floor(service)
        stack.callback(floor.close)
        yield Bench(material, service, floor, opened, filled, pace, say)


def make_material(dataset_folder: Path, size: int, dimension: int) -> Material:
    """Make the data, or find them."""
    recipe = Recipe(size, dimension)
    folder = dataset_folder / recipe.key
    dataset = Dataset(recipe, folder)
    return Material(dataset, Selections(dataset), folder)


def service_folder(folder: Path) -> Path:
    """Return the folder of a service with this schema: another schema starts anew."""
    files = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
    schema = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
    made = folder / f"service-{schema}"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _fill(folder: Path, name: str, fill: Callable[[], Filled], say: Callable[[str], None]) -> Filled:
    """Fill a system unless its folder says that it is."""
    done = folder / _FILLED
    if done.exists():
        return Filled(**json.loads(done.read_text(encoding="utf-8")))
    say(f"filling {name}")
    filled = fill()
    folder.mkdir(parents=True, exist_ok=True)
    done.write_text(json.dumps(asdict(filled)), encoding="utf-8")
    say(f"filled {name} in {filled.load:.0f} s, index built in {filled.build:.0f} s")
    return filled


async def _vacuum(dsn: str) -> None:
    """Put statistics and visibility in the state that autovacuum reaches by itself a minute later."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
