"""A data folder together with what serves it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

    from app.embedded.account import Account
    from app.embedded.binaries import Binaries
    from app.embedded.layout import Layout

_SHELL = frozenset('"$`\\')


@dataclass(frozen=True, slots=True)
class Site:
    """
    One data folder with what serves it.

    Parameters
    ----------
    layout
        Its files.
    account
        The system user of the server.
    binaries
        The programs.
    """

    layout: Layout
    account: Account
    binaries: Binaries

    def path_for_server(self, folder: Path) -> str:
        """
        Return how the server's user can name a folder that it is started in.

        Raises
        ------
        EmbeddedError
            When that user has no way to it.
        """
        # pg_ctl hands the name through a shell in double quotes.
        if self.account.can("-x", folder) and not _SHELL.intersection(str(folder)):
            return str(folder)
        if sys.platform == "linux":
            # As root we can start a process inside a folder to which its user has no way (below
            # /root, say): from there this name works, since it passes no parent folder.
            return "/proc/self/cwd"
        raise EmbeddedError(
            f"PostgreSQL runs as user {self.account.name}, who may not enter {_closed(self, folder)}, "
            "a parent of the data folder; choose one all of whose parents that user can enter (DATA_DIR)",
        )


def _closed(site: Site, folder: Path) -> Path:
    """Return the topmost folder of a path that the server's user cannot enter."""
    return next((part for part in reversed(folder.parents) if not site.account.can("-x", part)), folder)
