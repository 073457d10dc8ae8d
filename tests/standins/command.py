"""The command line: in this process, where it starts at once, or in one of its own, which can be killed."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.cli import main

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    errors: str


def start(dsn: str, *arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    """Begin a command in a process of its own."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    environment = _environment(dsn) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def invoke(dsn: str, *arguments: str, cwd: Path, stdin: bytes = b"") -> Finished:
    """Run a command to its end, beside the event loop that may be running here."""
    printed, complained = io.BytesIO(), io.BytesIO()
    out, errors = (io.TextIOWrapper(stream, encoding="utf-8") for stream in (printed, complained))
    given = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)), encoding="utf-8")

    def call() -> int:
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    with (
        chdir(cwd),
        patch.dict(os.environ, _environment(dsn), clear=True),
        patch.object(sys, "argv", ["vector-search", *arguments]),
        patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(errors),
        ThreadPoolExecutor(1) as beside,
    ):
        code = beside.submit(call).result(timeout=300)
    out.flush()
    errors.flush()
    return Finished(code, printed.getvalue().decode(), complained.getvalue().decode())


def run(dsn: str, *arguments: str, cwd: Path, stdin: bytes = b"", fails: bool = False) -> str:
    """Run a command to its end; return what it printed, or for one that fails what it complained of."""
    finished = invoke(dsn, *arguments, cwd=cwd, stdin=stdin)
    assert (finished.code != 0) == fails, f"{finished.code}: {finished.errors[-3000:]} {finished.out[-500:]}"
    return finished.errors if fails else finished.out


def events(output: str) -> list[dict[str, Any]]:
    """Read what --json printed."""
    return [json.loads(line) for line in output.splitlines()]


def _environment(dsn: str) -> dict[str, str]:
    """Name the database, and nothing of this process's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "DATABASE_URL"))}
    return kept | {"DATABASE_URL": dsn, "VECTOR_DB_EMBEDDING_DIMENSION": "8", "LOG_LEVEL": "error", "COLUMNS": "200"}
