"""One PostgreSQL server as a process: launch it, wait for it, find it, end it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Literal

from app.embedded import locks, processes
from app.embedded.cluster import SUPERUSER, password
from app.embedded.errors import EmbeddedError
from app.embedded.layout import open_own

if TYPE_CHECKING:
    from app.embedded.layout import Layout
    from app.embedded.processes import PidFile
    from app.embedded.site import Site

_log = logging.getLogger(__name__)

StopMode = Literal["fast", "immediate", "smart"]

START_SECONDS = 900.0  # recovery after a crash replays up to max_wal_size
_PATIENCE = 5.0
_ANSWER_SECONDS = 60.0
_ORPHAN_SECONDS = 60.0
_ORPHAN_GRACE = 2.0
_STOP_SECONDS = 120.0
_PAUSE = 0.03
_LOG_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 2500
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "smart": signal.SIGTERM}
_SERVING = {"ready", "standby"}
# Said only by a running server; it has no room for us, but others are being served.
_FULL = ("too many clients", "connection slots are reserved")


def log_tail(layout: Layout, since: int = 0) -> str:
    """Return the end of the server's log, beginning not before an offset."""
    try:
        with layout.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(since, end - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def _open_log(layout: Layout) -> tuple[int, int]:
    """Open the log to append to, the last one set aside when it has grown; with its size."""
    if layout.log.exists() and layout.log.stat().st_size > _LOG_BYTES:
        layout.log.replace(layout.log.with_suffix(".log.1"))
    descriptor = open_own(layout, layout.log, os.O_WRONLY | os.O_APPEND)
    return descriptor, os.fstat(descriptor).st_size


def launch(site: Site) -> int:
    """
    Start PostgreSQL without waiting for it; nobody else may be serving the folder.

    Returns
    -------
    int
        Where in the log this start begins.
    """
    layout = site.layout
    # Every process of the server inherits this lock, so it is free again only when all are gone,
    # wherever they run: even in another container that shares the folder.
    alive = locks.take_if_free(layout, layout.alive)
    if alive is None:
        raise EmbeddedError(f"another PostgreSQL is still using {layout.data_dir}; stop it first")
    log, offset = _open_log(layout)
    place = site.path_for_server(layout.cluster)
    try:
        subprocess.run(  # noqa: S603 - our own programs, no shell
            [site.binaries.tool("pg_ctl"), "start", "-s", "-W", "-D", place],
            check=False,
            cwd=layout.cluster,
            env=site.binaries.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(alive,),
            # The terminal's Ctrl-C is for us: we end the server when we are done with it.
            start_new_session=True,
            **site.account.run_as,
        )
    finally:
        os.close(log)
        os.close(alive)
    return offset


def _refusal(site: Site, port: int) -> str | None:
    """Log in with this folder's password, which no other server knows; None when that works."""
    command = [site.binaries.tool("psql"), "-XwqAt", "-h", "127.0.0.1", "-p", str(port), "-U", SUPERUSER]
    environment = site.binaries.environment(PGPASSWORD=password(site.layout), PGCONNECT_TIMEOUT="5")
    answer = subprocess.run(  # noqa: S603 - our own programs, no shell; as root nothing of it runs as root
        [*command, "-d", "postgres", "-c", "select 1"],
        check=False,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **site.account.run_as,
    )
    return None if answer.returncode == 0 or any(word in answer.stderr for word in _FULL) else answer.stderr.strip()


def running(site: Site) -> PidFile | None:
    """Return the server of this folder if it runs and lets us in; waits for nothing."""
    found = processes.read_pid_file(site.layout)
    if found is None or found.status not in _SERVING or not processes.serves(found.pid, site.layout.cluster):
        return None
    return found if _refusal(site, found.port) is None else None


def wait_ready(site: Site) -> PidFile | None:
    """
    Wait while a server starts or stops.

    Returns
    -------
    PidFile or None
        The server once it lets us in; None when there is none (any more).

    Raises
    ------
    EmbeddedError
        When it neither serves nor ends.
    """
    layout, began = site.layout, time.monotonic()
    patient = False
    answer_by: float | None = None
    orphans_since: float | None = None
    while time.monotonic() < began + START_SECONDS:
        if not patient and time.monotonic() > began + _PATIENCE:
            patient = True
            _log.info("waiting for PostgreSQL in %s, which is starting, recovering or stopping", layout.data_dir)
        found = processes.read_pid_file(layout)
        if found and processes.serves(found.pid, layout.cluster):
            orphans_since = None
            if found.status in _SERVING:
                refusal = _refusal(site, found.port)
                if refusal is None:
                    return found
                answer_by = answer_by or time.monotonic() + _ANSWER_SECONDS
                _check_refusal(site, refusal, answer_by)
        elif locks.is_held(layout, layout.alive):
            orphans_since = orphans_since or time.monotonic()
            _end_orphans(site, time.monotonic() - orphans_since)
        else:
            return None
        time.sleep(_PAUSE)
    raise EmbeddedError(
        f"PostgreSQL in {layout.data_dir} was not ready after {START_SECONDS:.0f} s; "
        f"its log {layout.log} ends with:\n{log_tail(layout)}",
    )


def _check_refusal(site: Site, refusal: str, answer_by: float) -> None:
    if "authentication failed" in refusal:
        raise EmbeddedError(
            f"PostgreSQL in {site.layout.data_dir} runs but does not accept the password in "
            f"{site.layout.password}: write the one it was changed to into that file",
        )
    if time.monotonic() > answer_by:
        raise EmbeddedError(f"PostgreSQL in {site.layout.data_dir} runs but cannot be reached: {refusal}")


def _end_orphans(site: Site, waited: float) -> None:
    """Hurry on what a killed postmaster left: mostly it ends by itself at once, but not an index build."""
    orphans = processes.children(site.layout.cluster) if waited > _ORPHAN_GRACE else []
    # Both end a process at once, without writing: recovery makes the data whole.
    processes.end(orphans, signal.SIGQUIT if waited < 3 * _ORPHAN_GRACE else signal.SIGKILL)
    if waited > _ORPHAN_SECONDS:
        raise EmbeddedError(
            f"processes of another PostgreSQL are still using {site.layout.data_dir}, perhaps in another "
            f"container (`fuser {site.layout.alive}` names them on their machine); stop it first",
        )


def forget_dead(layout: Layout) -> bool:
    """
    Remove the note of a server that is known to be gone.

    Its process id may belong to another program by now, which PostgreSQL itself cannot tell.

    Returns
    -------
    bool
        True when there was one: the server was killed, and the next start recovers.
    """
    crashed = layout.postmaster_pid.exists()
    layout.postmaster_pid.unlink(missing_ok=True)
    return crashed


def end(site: Site, mode: StopMode) -> bool:
    """
    Stop the server and wait until all its processes are gone.

    Returns
    -------
    bool
        False when it had to be stopped the hard way.
    """
    layout = site.layout
    found = processes.read_pid_file(layout)
    if found is None or not processes.serves(found.pid, layout.cluster):
        return True
    processes.end([found.pid], _SIGNALS[mode])
    if _gone(site, found.pid, _STOP_SECONDS):
        return True
    processes.end([found.pid], signal.SIGQUIT)
    if not _gone(site, found.pid, _STOP_SECONDS):
        raise EmbeddedError(
            f"PostgreSQL (process {found.pid}) in {layout.data_dir} does not end; "
            f"its log {layout.log} ends with:\n{log_tail(layout)}",
        )
    return False


def _gone(site: Site, pid: int, seconds: float) -> bool:
    layout, deadline = site.layout, time.monotonic() + seconds
    while processes.serves(pid, layout.cluster) or locks.is_held(layout, layout.alive):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
