"""Writes the chart's README.md from README.md.in and the comments in values.yaml; a test keeps it so."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from app.settings import Settings

CHART = Path(__file__).resolve().parent / "onyx-vector-search"

_KEY = re.compile(r"^( *)([A-Za-z][\w.]*):")
_COMMENT = re.compile(r"^ *# -- (.*)$")


def described(text: str) -> dict[str, str]:
    """Return the ``# --`` comment above each key that has one, by the key's dotted path."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        if match := _COMMENT.match(line):
            comment = match[1]
        elif match := _KEY.match(line):
            indent = len(match[1])
            path = [(at, key) for at, key in path if at < indent] + [(indent, match[2])]
            if comment:
                found[".".join(key for _, key in path)] = comment
            comment = ""
    return found


def leaves(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return every value that is not a filled map, by its dotted path."""
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            rows += leaves(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def table(text: str) -> str:
    """Return the table of values; a comment above a map stands in the row of its first value."""
    settings = {str(field.validation_alias): field.description or "" for field in Settings.model_fields.values()}
    comments = {f"configMap.{name}": meaning for name, meaning in settings.items()} | described(text)
    lines = ["| Value | Default | Meaning |", "| --- | --- | --- |"]
    said: set[str] = set()
    for name, value in leaves(yaml.safe_load(text)):
        parts = name.split(".")
        paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        meaning = " ".join(comments[path] for path in paths if path in comments and path not in said)
        said.update(paths)
        default = json.dumps(value).replace("|", "\\|")
        lines.append(f"| `{name}` | `{default}` | {meaning} |")
    return "\n".join(lines)


def readme() -> str:
    """Return the README as it should be."""
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    frame = (CHART / "README.md.in").read_text(encoding="utf-8")
    return frame.replace("{{values}}", table(values))


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme(), encoding="utf-8")
