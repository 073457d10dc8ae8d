"""The operating system's processes behind a data folder."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

    from app.embedded.layout import Layout

_PROC = Path("/proc")
_LINES_WITH_PORT = 4
_LINES_WITH_STATUS = 8


@dataclass(frozen=True, slots=True)
class PidFile:
    """
    What ``postmaster.pid`` says.

    Parameters
    ----------
    pid
        The postmaster's process id.
    port
        Its port; 0 while it has not said.
    status
        ``starting``, ``ready``, ``standby`` or ``stopping``; empty while it has not said.
    """

    pid: int
    port: int
    status: str


def read_pid_file(layout: Layout) -> PidFile | None:
    """Read PostgreSQL's note of the running server; None without one."""
    try:
        lines = layout.postmaster_pid.read_text(encoding="utf-8").splitlines()
        pid = abs(int(lines[0]))  # negative for a server in single-user mode
    except (OSError, ValueError, IndexError):  # absent, or being written
        return None
    if pid == 0:  # to the system that would mean all of our own processes
        return None
    port = lines[_LINES_WITH_PORT - 1] if len(lines) >= _LINES_WITH_PORT else ""
    status = lines[_LINES_WITH_STATUS - 1] if len(lines) >= _LINES_WITH_STATUS else ""
    return PidFile(pid, int(port) if port.isdigit() else 0, status.strip())


def _reap(pid: int) -> None:
    """Clear a dead process away if it fell to us, as all orphans fall to process 1 of a container."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _told_by_ps(pid: int) -> bool:
    """Ask `ps`, where there is no /proc, whether a process is a living postgres."""
    command = ["/bin/ps", "-o", "stat=,comm=", "-p", str(pid)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a number is the only variable
    state, _, name = answer.stdout.strip().partition(" ")
    return not state.startswith("Z") and Path(name.strip()).name == "postgres"


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether a process lives, is PostgreSQL, and works in this data folder."""
    if not (_PROC / "self").exists():
        return _told_by_ps(pid)
    process = _PROC / str(pid)
    try:
        named = (process / "comm").read_text(encoding="utf-8", errors="replace").strip() == "postgres"
        if named:
            _reap(pid)
        # PostgreSQL stays in its data folder; a zombie or a reused id is not there.
        return named and _works_in(process, cluster)
    except OSError:  # gone, or a zombie
        return False


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").samefile(folder)
    except PermissionError:
        if os.geteuid() != 0:
            return False
    # Root in a container usually lacks the right to look, but each user may look at its own.
    owner = process.stat()
    command = ["/bin/sh", "-c", 'test "$0" -ef .', str(process / "cwd")]
    answer = subprocess.run(  # noqa: S603 - fixed command, the path is an argument
        command,
        check=False,
        cwd=folder,
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=[],
    )
    return answer.returncode == 0


def _is_child(pid: int) -> bool:
    """Tell a postmaster's child, whose title says what it does, from a postmaster, which may be starting."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().startswith(b"postgres: ")
    except OSError:
        return False


def children(cluster: Path) -> list[int]:
    """List the living children of a data folder's postmaster; nothing is known without /proc."""
    if not (_PROC / "self").exists():
        return []
    pids = [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _is_child(pid) and serves(pid, cluster)]


def end(pids: list[int], how: signal.Signals) -> None:
    """Signal processes, some of which may be gone."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, how)
