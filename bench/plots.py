"""Results as one picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

Cells = Mapping[str, Mapping[str, Any]]

_SPREAD = ("open", "spread_50", "spread_10", "spread_3", "spread_1", "spread_0_1", "spread_0_01", "none")
_TOPICAL = ("open", "topical_50", "topical_10", "topical_3", "topical_1")
_SYSTEMS = (
    "service", "raw SQL", "Chroma", "Qdrant Edge", "LanceDB", "langchain-postgres", "psycopg2 + IVFFlat",
    "service base64",
)  # fmt: skip
_SHARE = {"open": "100 %", "none": "0"}


def draw(content: Mapping[str, Any], path: Path) -> None:
    """Draw latency and recall by selectivity, answers a second by connections, updates and indexing."""
    suites = {name: of_suite["cells"] for name, of_suite in content["suites"].items()}
    figure, axes = plt.subplots(2, 4, figsize=(22, 10), layout="constrained")
    for row, (names, kind) in enumerate(((_SPREAD, "independent of topic"), (_TOPICAL, "of whole topics"))):
        _lines(axes[row][0], suites.get("search", {}), names, "p50_ms", f"p50 in ms, filters {kind}", log=True)
        _lines(axes[row][1], suites.get("search", {}), names, "recall", f"recall@10, filters {kind}", log=False)
    _levels(axes[0][2], suites.get("concurrency", {}), "open")
    _levels(axes[1][2], suites.get("concurrency", {}), "spread_1")
    _bars(axes[0][3], suites.get("updating", {}), "one document", "p50_ms", "access update of a document, p50 in ms")
    _bars(axes[1][3], suites.get("indexing", {}), "", "per_second", "indexing, chunks a second")
    machine = content["machine"]
    figure.suptitle(
        f"{content['run']['size']} chunks × {content['run']['dimension']}, revision {machine['revision']}, "
        f"{machine['processors']} × {machine['processor']}; medians over {content['run']['rounds']} rounds, bars: range"
    )
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _systems(cells: Cells) -> list[str]:
    return list(dict.fromkeys(cell.partition(" · ")[2] for cell in sorted(cells) if not cell.startswith("effort")))


def _series(cells: Cells, keys: Sequence[str], name: str) -> tuple[list[int], list[float], list[list[float]]]:
    places = [place for place, key in enumerate(keys) if name in cells.get(key, {})]
    numbers = [cells[keys[place]][name] for place in places]
    ranges = [[n[0] - n[1] for n in numbers], [n[2] - n[0] for n in numbers]]
    return places, [n[0] for n in numbers], ranges


def _lines(axis: Any, cells: Cells, names: Sequence[str], number: str, title: str, *, log: bool) -> None:  # noqa: ANN401
    for system in _systems(cells):
        places, middle, ranges = _series(cells, [f"{name} · {system}" for name in names], number)
        if len(places) > 1:
            axis.errorbar(places, middle, yerr=ranges, marker="o", capsize=3, label=system, color=_colour(system))
    axis.set_xticks(range(len(names)), [_SHARE.get(name, _percent(name)) for name in names])
    axis.set_yscale("log" if log else "linear")
    axis.set_title(title)
    axis.grid(alpha=0.3)
    if axis.has_data():
        axis.legend(fontsize="small")


def _levels(axis: Any, cells: Cells, selection: str) -> None:  # noqa: ANN401
    levels = (1, 8, 32)
    for system in _systems(cells):
        places, middle, ranges = _series(cells, [f"{selection} × {n} · {system}" for n in levels], "per_second")
        if places:
            axis.errorbar(places, middle, yerr=ranges, marker="o", capsize=3, label=system, color=_colour(system))
    axis.set_xticks(range(len(levels)), [str(level) for level in levels])
    axis.set_yscale("log")
    axis.set_title(f"answers a second by connections, {_SHARE.get(selection, _percent(selection))}")
    axis.grid(alpha=0.3)


def _bars(axis: Any, cells: Cells, start: str, number: str, title: str) -> None:  # noqa: ANN401
    names = [cell for cell, numbers in cells.items() if cell.startswith(start) and number in numbers]
    if names:
        _, middle, ranges = _series(cells, names, number)
        axis.barh(range(len(names)), middle, xerr=ranges, capsize=3)
        axis.set_yticks(range(len(names)), [name.replace(" · ", "\n") for name in names], fontsize="small")
        axis.set_xscale("log")
    axis.set_title(title)


def _colour(system: str) -> str:
    """Return the colour of a system, the same in every part of the picture."""
    return f"C{_SYSTEMS.index(system)}" if system in _SYSTEMS else "black"


def _percent(name: str) -> str:
    return name.partition("_")[2].replace("_", ".") + " %"
