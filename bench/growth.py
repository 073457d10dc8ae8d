"""What a chunk and a query cost as an index grows: the same documents in indexes of several sizes (docs/scaling.md).

    python -m bench.growth fill --data FOLDER --sizes 10000 100000 200000 1000000
    python -m bench.growth build --data FOLDER --quantisation none
    python -m bench.growth measure --data FOLDER --quantisation none
    python -m bench.growth search --data FOLDER
    python -m bench.growth show --data FOLDER --output FILE

A smaller index holds the first documents of the largest one, so that all answer the same queries over the same
distribution. `fill` takes them through the service's own ingest over HTTP, without graphs; `build` has PostgreSQL
build every graph, full or bit-quantised, one after the other. `measure` sends the statement of such a graph to all
sizes, and `search` asks through HTTP as anybody would; questions go to all sizes in turn, so that they share what the
machine does besides. What is found is kept in the folder, and an interrupted command goes on. `search` leaves graphs
to the maintainer, who drops those that no index asks for: it comes last.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app import embedded
from app.domain.quantisation import QUANTISATIONS, Quantisation
from bench import growth_graphs, machine
from bench.cpu import ProcessorTime
from bench.dataset import CHUNKS_PER_DOCUMENT
from bench.growth_model import models, show
from bench.growth_queries import searches, sizes_on_disk, statements
from bench.processes import postgres_processes, resident_megabytes
from bench.service import Service, serving
from bench.setting import make_material
from bench.systems import Material

_NO_GRAPH = {"VECTOR_SEARCH_ANN_THRESHOLD": "1000000000"}
_KEPT = "growth.json"


def index_name(size: int) -> str:
    """Return the name of the index of a size."""
    return f"growth-{size}"


def fill(folder: Path, material: Material, sizes: Sequence[int]) -> None:
    """Fill an index of each size that has not been filled."""
    with serving(folder, settings=_NO_GRAPH) as service:
        for size in sizes:
            kept = read(folder)
            if str(size) in kept.setdefault("ingest", {}):
                continue
            kept["ingest"][str(size)] = _filled(service, material, size)
            kept["dataset"] = {"size": material.dataset.recipe.size, "dimension": material.dataset.recipe.dimension}
            write(folder, kept)
            print(size, kept["ingest"][str(size)], flush=True)


def _filled(service: Service, material: Material, size: int) -> dict[str, float]:
    name = index_name(size)
    dimension = material.dataset.recipe.dimension
    service.control.call("PUT", f"/indexes/{name}?reset=true", {"embedding_dimension": dimension})
    pids = {"service": [service.server()], "postgres": postgres_processes(service.data_dir)}
    used = {which: ProcessorTime(found) for which, found in pids.items()}
    seconds = service.post(name, material, range(size // CHUNKS_PER_DOCUMENT))
    return {
        "seconds": round(seconds, 1),
        "chunks_per_second": round(size / seconds),
        **{f"{which}_cpu_us_per_chunk": round(1e6 * clock.seconds() / size) for which, clock in used.items()},
    }


def build(folder: Path, sizes: Sequence[int], quantisation: Quantisation) -> None:
    """Build the graph of each size that has not been built."""
    for size in sizes:
        kept = read(folder)
        built = kept.setdefault("graphs", {}).setdefault(quantisation, {})
        if str(size) in built:
            continue
        built[str(size)] = growth_graphs.build(folder, index_name(size), quantisation)
        write(folder, kept)
        print(quantisation, size, built[str(size)], flush=True)


def measure(folder: Path, material: Material, sizes: Sequence[int], quantisation: Quantisation, count: int) -> None:
    """Ask the graphs of one quantisation at several efforts."""
    names = {size: index_name(size) for size in sizes}
    found = statements(folder, material.dataset, names, quantisation, _queries(material, count))
    kept = read(folder)
    kept.setdefault("statements", {})[quantisation] = found
    with embedded.start(folder / "postgres", version=18) as server:
        kept["bytes"] = asyncio.run(sizes_on_disk(server.dsn(), names))
    kept["machine when asked"] = machine.describe()
    write(folder, kept)


def search(folder: Path, material: Material, sizes: Sequence[int], count: int) -> None:
    """Ask the service, once its maintainer has measured every graph."""
    names = {size: index_name(size) for size in sizes}
    with serving(folder) as service:
        while not asyncio.run(growth_graphs.are_measured(service.dsn, list(names.values()))):
            time.sleep(1.0)
        kept = read(folder)
        kept["searches"] = searches(service, material.dataset, names, _queries(material, count))
        kept["resident_megabytes"] = round(resident_megabytes(service.server()))
        write(folder, kept)


def _queries(material: Material, count: int) -> list[int]:
    """Draw queries of both kinds."""
    chosen: list[int] = np.random.default_rng(4).permutation(len(material.dataset.queries))[:count].tolist()
    return chosen


def read(folder: Path) -> dict[str, Any]:
    """Return what is kept of a folder."""
    path = folder / _KEPT
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def write(folder: Path, kept: dict[str, Any]) -> None:
    """Keep what was found."""
    (folder / _KEPT).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("fill", "build", "measure", "search", "show"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data and of the database")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 200_000, 1_000_000])
    parser.add_argument("--largest", type=int, default=1_000_000, help="chunks of the data set")
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--quantisation", choices=QUANTISATIONS, default="none")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    given.data.chmod(0o755)
    if given.command == "build":
        build(given.data, given.sizes, given.quantisation)
    elif given.command == "show":
        kept = read(given.data) | {"models": models(read(given.data))}
        show(kept)
        if given.output is not None:
            given.output.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    else:
        material = make_material(given.data, given.largest, given.dimension)
        if given.command == "fill":
            fill(given.data, material, given.sizes)
        elif given.command == "measure":
            measure(given.data, material, given.sizes, given.quantisation, given.queries)
        else:
            search(given.data, material, given.sizes, given.queries)


if __name__ == "__main__":
    main()
