"""The statements under sql/, read once, with the contracts in their headers (sql/README.md)."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

SQL = Path(__file__).resolve().parents[2] / "sql"

_PARAMETER = re.compile(r"^-- \$(\d+) (\w+) (\S+)")
_COLUMN = re.compile(r"^-- -> (\w+) (\S.*)$")
_INCLUDE = re.compile(r"^-- (?:-> )?:(\w+)$")
_PLACEHOLDER = re.compile(r"(?<!:):([a-z_]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One SQL statement: its text with ``:literals`` still open, its parameters and its columns.

    Parameters and columns are (name, PostgreSQL type) pairs in order. There is one of each, so that it is known by its
    identity: its rendered texts are looked up for every statement that is run.
    """

    name: str
    template: str
    parameters: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]

    def text(self, **literals: int) -> str:
        """Fill in the integers that must stand in the text."""
        return _render(self, tuple(literals.items()))

    def bind(self, values: Mapping[str, object]) -> list[object]:
        """Put named values in the order of the parameters.

        Raises
        ------
        TypeError
            A value is missing or names no parameter.
        """
        if len(values) == len(self.parameters):
            with suppress(KeyError):
                return [values[name] for name, _ in self.parameters]
        wrong = sorted(set(values) ^ {name for name, _ in self.parameters})
        raise TypeError(f"{self.name}: missing or unknown parameters: {', '.join(wrong)}")


@cache
def statement(name: str) -> Statement:
    """Read a statement by its path under sql/queries, such as ``search/semantic_exact``."""
    return _read(SQL / "queries" / f"{name}.sql", name)


@cache
def on_citus(which: Statement) -> Statement:
    """Return the form a statement has where Citus spreads the tables; most have one form only."""
    path = SQL / "citus" / f"{which.name}.sql"
    return _read(path if path.exists() else SQL / "queries" / f"{which.name}.sql", which.name, citus=True)


def all_statements() -> list[Statement]:
    """Every statement there is."""
    root = SQL / "queries"
    return [
        statement(str(path.relative_to(root).with_suffix("")).replace("\\", "/"))
        for path in sorted(root.rglob("*.sql"))
    ]


@lru_cache(maxsize=4096)
def _render(which: Statement, literals: tuple[tuple[str, int], ...]) -> str:
    values = dict(literals)
    return _PLACEHOLDER.sub(lambda match: str(int(values[match[1]])), which.template)


def _read(path: Path, name: str, *, citus: bool = False) -> Statement:
    parameters: dict[int, tuple[str, str]] = {}
    columns: list[tuple[str, str]] = []
    body: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("--"):
            body.append(line)
        elif found := _INCLUDE.match(line):
            fragment = _fragment(found[1], citus=citus)
            parameters.update(enumerate(fragment.parameters, start=1))
            columns.extend(fragment.columns)
        elif found := _PARAMETER.match(line):
            parameters[int(found[1])] = (found[2], found[3])
        elif found := _COLUMN.match(line):
            columns.append((found[1], found[2].split("  ")[0]))
    if sorted(parameters) != list(range(1, len(parameters) + 1)):
        raise ValueError(f"{path}: the parameters in the header are not $1 to ${len(parameters)}")
    text = _PLACEHOLDER.sub(partial(_expand, citus=citus), "\n".join(body).strip())
    ordered = tuple(parameters[number] for number in sorted(parameters))
    return Statement(name, f"-- {name}\n{text}", ordered, tuple(columns))


def _expand(placeholder: re.Match[str], *, citus: bool) -> str:
    name = placeholder[1]
    if not (SQL / "fragments" / f"{name}.sql").exists():
        return placeholder[0]
    return _fragment(name, citus=citus).template.partition("\n")[2]


@cache
def _fragment(name: str, *, citus: bool) -> Statement:
    own = SQL / "citus" / "fragments" / f"{name}.sql"
    return _read(own if citus and own.exists() else SQL / "fragments" / f"{name}.sql", name, citus=citus)
