"""Results as tables on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.results import differences

_NOISE = 0.05


def show(content: Mapping[str, Any], console: Console) -> None:
    """Show every suite of a run: medians, with the range over rounds."""
    machine = content["machine"]
    console.print(
        f"{content['run']['size']} chunks × {content['run']['dimension']}, revision {machine['revision']}, "
        f"{machine['processors']} × {machine['processor']}, load average {machine['load_average'][0]} at the start"
    )
    for suite, of_suite in content["suites"].items():
        table = Table(
            title=suite, title_justify="left", caption=f"load average {of_suite['load_average'][0]} at the end"
        )
        columns = _columns(of_suite["cells"])
        for heading in ("", *columns):
            table.add_column(heading, justify="right" if heading else "left")
        for cell, numbers in of_suite["cells"].items():
            if "note" in numbers:
                table.add_row(cell, numbers["note"])
            else:
                table.add_row(cell, *(_spread(numbers.get(column)) for column in columns))
        console.print(table)


def show_differences(old: Mapping[str, Any], new: Mapping[str, Any], console: Console) -> None:
    """Show medians that moved: by more than a twentieth, and out of the range they had."""
    console.print(
        f"Against revision {old['machine']['revision']} of {old['started']} "
        f"(load average then {old['machine']['load_average'][0]}):"
    )
    table = Table()
    for heading in ("suite", "", "figure", "before", "now", "now / before"):
        table.add_column(heading)
    for suite, cell, name, was, now, apart in differences(old, new):
        if apart and was and abs(now / was - 1) > _NOISE:
            table.add_row(suite, cell, name, f"{was:.3g}", f"{now:.3g}", f"{now / was:.2f}")
    console.print(table if table.row_count else "No median left the range it had.")


def _columns(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    hidden = {"note", "p99_ms", "mean_ms", "answers"}
    return [name for name in dict.fromkeys(name for cell in cells.values() for name in cell) if name not in hidden]


def _spread(numbers: list[float] | None) -> str:
    if numbers is None:
        return ""
    median, least, greatest = numbers
    return f"{median:.3g}" if least == greatest else f"{median:.3g} ({least:.3g} – {greatest:.3g})"
