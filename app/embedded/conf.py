"""The settings and the port of the next start."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app.embedded.layout import Layout
    from app.embedded.site import Site

_CONF = "embedded.conf"
_INCLUDE = f"include = '{_CONF}'"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _replace(site: Site, path: Path, text: str) -> None:
    """Put text in a file of the server, which may read it only as its own."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    site.account.own(draft)
    draft.replace(path)


def write_settings(site: Site, settings: Mapping[str, str], port: int) -> None:
    """Write the settings of the next start; ALTER SYSTEM has its own file and goes before them."""
    lines = [f"{name} = {_quoted(value)}" for name, value in {**settings, "port": str(port)}.items()]
    text = "# Written at every start; use ALTER SYSTEM for changes of your own.\n" + "\n".join(lines) + "\n"
    _replace(site, site.layout.cluster / _CONF, text)
    main = site.layout.cluster / "postgresql.conf"
    before = main.read_text(encoding="utf-8")
    if _INCLUDE not in before.splitlines():
        _replace(site, main, f"{before.rstrip()}\n\n{_INCLUDE}\n")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL does: connections that linger from the last run are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(layout: Layout, asked: int | None) -> int:
    """
    Return the port asked for, else the one of the last start, else a free one.

    Raises
    ------
    EmbeddedError
        When the port asked for is taken.
    """
    if asked is not None:
        if not _is_free(asked):
            raise EmbeddedError(f"port {asked} is taken by another program; name another, or none to have one chosen")
        return asked
    try:
        last = int(layout.port.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = 0
    if last and _is_free(last):
        return last
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
