"""Start the embedded PostgreSQL of a data folder, or join the one that runs."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from app.embedded import account, binaries, cluster, conf, locks, machine, postmaster
from app.embedded.errors import EmbeddedError
from app.embedded.layout import Layout, prepare, write_own
from app.embedded.site import Site
from app.embedded.tuning import settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from app.embedded.postmaster import StopMode
    from app.embedded.processes import PidFile

_log = logging.getLogger(__name__)

_TURN_SECONDS = postmaster.START_SECONDS + 60
_PORT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """
    A running PostgreSQL.

    Parameters
    ----------
    data_dir
        Where its data lies.
    port
        Its port on 127.0.0.1.
    version
        Its major version.
    adopted
        True when it was already running.
    """

    data_dir: Path
    port: int
    version: int
    adopted: bool
    _site: Site = field(repr=False, compare=False)
    _lease: locks.Lease | None = field(repr=False, compare=False)

    @property
    def started_by_us(self) -> bool:
        """Whether this start launched it."""
        return not self.adopted

    @property
    def bin_dir(self) -> Path:
        """Where psql, pg_dump and the others of this version are."""
        return self._site.binaries.root / "bin"

    @property
    def password(self) -> str:
        """The password of the superuser ``postgres``."""
        return cluster.password(self._site.layout)

    def dsn(self, database: str = "postgres") -> str:
        """Return the address of a database, for libpq and everything that speaks like it."""
        login = f"{cluster.SUPERUSER}:{quote(self.password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def stop(self, mode: StopMode = "fast") -> None:
        """
        Be done with the server; whoever is its last live user stops it, started or adopted.

        Parameters
        ----------
        mode
            ``fast`` ends the clients, ``smart`` waits for them, ``immediate`` leaves recovery
            to the next start.
        """
        layout = self._site.layout
        if not layout.data_dir.exists():
            return
        with locks.turn(layout, _TURN_SECONDS):
            if self._lease is not None:
                self._lease.release()
            if locks.is_held(layout, layout.users):
                _log.info("PostgreSQL on 127.0.0.1:%d is still in use by others and goes on", self.port)
                return
            if not postmaster.end(self._site, mode):
                _log.warning("PostgreSQL in %s did not stop in time and was cut off", layout.data_dir)
        _log.info("PostgreSQL %d on 127.0.0.1:%d stopped", self.version, self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _wait_or_undo(site: Site) -> PidFile | None:
    try:
        return postmaster.wait_ready(site)
    except (KeyboardInterrupt, SystemExit):  # nobody would be there to use it
        postmaster.end(site, "fast")
        raise


def _launch(site: Site, settings: Mapping[str, str], port: int | None) -> PidFile:
    """Launch until a port holds: between choosing one and using it another program may take it."""
    said = ""
    for _ in range(_PORT_ATTEMPTS):
        chosen = conf.choose_port(site.layout, port)
        conf.write_settings(site, settings, chosen)
        begin = postmaster.launch(site)
        found = _wait_or_undo(site)
        if found is not None:
            write_own(site.layout, site.layout.port, f"{found.port}\n")
            return found
        said = postmaster.log_tail(site.layout, begin)
        if port is not None or "could not bind" not in said:
            break
        site.layout.port.unlink(missing_ok=True)
    raise EmbeddedError(f"PostgreSQL did not start in {site.layout.data_dir}; its log {site.layout.log} says:\n{said}")


def start(
    data_dir: Path,
    *,
    version: int = 18,
    port: int | None = None,
    memory_bytes: int | None = None,
    durable: bool = True,
    settings: Mapping[str, str] | None = None,
) -> EmbeddedServer:
    """
    Start PostgreSQL on a data folder, or join the server that runs on it.

    Parameters
    ----------
    data_dir
        The folder, made when it is not there.
    version
        Major version, 18 or 16.
    port
        Port on 127.0.0.1; by default that of the last start, or a free one.
    memory_bytes
        Memory to tune for; by default what this machine or container has.
    durable
        False gives up crash safety for speed, for tests.
    settings
        PostgreSQL settings that go before the chosen ones; ALTER SYSTEM goes before both.

    Returns
    -------
    EmbeddedServer
        The server, accepting connections. Settings do not reach one that was already running.

    Raises
    ------
    EmbeddedError
        When it cannot be started; the message says what to do.
    """
    programs = binaries.locate(version)
    layout = prepare(data_dir)
    user = account.choose(layout)
    cluster.check_version(layout, version)
    chosen = settings_for(
        memory_bytes=memory_bytes or machine.memory_bytes(),
        cpus=machine.cpus(),
        shared_memory_bytes=machine.shared_memory_bytes(),
        durable=durable,
    ) | dict(settings or {})
    with locks.turn(layout, _TURN_SECONDS) as turn:
        cluster.check_version(layout, version)  # again: another may have made the data meanwhile
        site = Site(layout, user, binaries.for_account(programs, user, layout))
        if cluster.existing_version(layout) is None:
            cluster.initialise(site, turn, durable=durable)
        found = postmaster.wait_ready(site)
        adopted, crashed = found is not None, False
        if found is None:
            crashed = postmaster.forget_dead(layout)
            found = _launch(site, chosen, port)
        server = EmbeddedServer(
            layout.data_dir, found.port, version, adopted=adopted, _site=site, _lease=locks.Lease(layout)
        )
    word = "adopted" if adopted else "recovered and started" if crashed else "started"
    tuned = "" if adopted else f" (shared_buffers {chosen['shared_buffers']})"
    place = f"127.0.0.1:{found.port}, data in {layout.data_dir}{tuned}"
    _log.info("PostgreSQL %d %s on %s", version, word, place)
    return server


def find_running(data_dir: Path) -> EmbeddedServer | None:
    """
    Look for the server of a data folder, without becoming a user of it.

    Parameters
    ----------
    data_dir
        The folder.

    Returns
    -------
    EmbeddedServer or None
        The server if it accepts connections; its `stop` leaves it to its users, if it has any.
    """
    layout = Layout(data_dir.expanduser().resolve())
    if not os.access(layout.data_dir, os.R_OK | os.X_OK):
        return None
    user = account.choose(layout)
    version = cluster.existing_version(layout)
    if version is None:
        return None
    site = Site(layout, user, binaries.for_account(binaries.locate(version), user, layout))
    found = postmaster.running(site)
    if found is None:
        return None
    return EmbeddedServer(layout.data_dir, found.port, version, adopted=True, _site=site, _lease=None)
