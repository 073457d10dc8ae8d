"""Servers started for a benchmark, and their memory."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import psutil

from bench.http import Connection, RefusedError

_START_SECONDS = 180
_STOP_SECONDS = 60


@contextmanager
def running(
    command: Sequence[str],
    url: str,
    ready: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends.

    Parameters
    ----------
    command
        What to run; its output goes to a file.
    url, ready
        Where it answers, and the path that says that it does.
    log
        The file.
    env, cwd
        Its environment and folder.

    Raises
    ------
    RuntimeError
        It ended, or did not answer in time.
    """
    with (
        log.open("ab") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd) as process,
    ):
        try:
            _wait(process, url, ready, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_processes(data_dir: Path) -> list[int]:
    """Return the PostgreSQL of a data folder with all its backends."""
    pid_file = next(data_dir.rglob("postmaster.pid"))
    postmaster = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
    return [postmaster.pid, *(child.pid for child in postmaster.children(recursive=True))]


def resident_megabytes(process_id: int) -> float:
    """Return the memory that belongs to a process alone, and its share of what it shares (PSS)."""
    memory = psutil.Process(process_id).memory_full_info()
    return float(getattr(memory, "pss", memory.uss)) / 2**20


def _wait(process: subprocess.Popen[bytes], url: str, ready: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            Connection(url).send("GET", ready)
        except (OSError, HTTPException, RefusedError):
            time.sleep(0.02)
        else:
            return
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"{process.args!r} did not answer at {url}{ready}:\n{tail}")
