"""Where everything of one embedded server lies."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Layout:
    """
    The files inside one data folder.

    The cluster is a subfolder: the data folder itself may then be a mount point, onto which
    nothing could be renamed.

    Parameters
    ----------
    data_dir
        The folder the caller named, absolute.
    """

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.data_dir / "cluster"

    @property
    def password(self) -> Path:
        """The superuser's password."""
        return self.data_dir / "password"

    @property
    def port(self) -> Path:
        """The port of the last start."""
        return self.data_dir / "port"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.data_dir / "server.log"

    @property
    def turn(self) -> Path:
        """Locked by whoever starts or stops the server right now."""
        return self.data_dir / "turn.lock"

    @property
    def users(self) -> Path:
        """Locked (shared) by every live user of the server."""
        return self.data_dir / "users.lock"

    @property
    def alive(self) -> Path:
        """Locked by every process of the running server."""
        return self.data_dir / "alive.lock"

    @property
    def postmaster_pid(self) -> Path:
        """PostgreSQL's own note of what runs."""
        return self.cluster / "postmaster.pid"


def prepare(data_dir: Path) -> Layout:
    """
    Make the data folder if it is not there.

    Raises
    ------
    EmbeddedError
        When we cannot make it or write to it.
    """
    try:
        layout = Layout(data_dir.expanduser().resolve())
        layout.data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(
            f"the data folder {data_dir} cannot be made: {error.strerror}; choose another (DATA_DIR)",
        ) from error
    if not os.access(layout.data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise EmbeddedError(f"the data folder {data_dir} cannot be written; choose another (DATA_DIR)")
    return layout


def open_own(layout: Layout, path: Path, flags: int) -> int:
    """Open (or make) a small file of ours, belonging to the owner of the data folder."""
    descriptor = os.open(path, flags | os.O_CREAT | _NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        folder = layout.data_dir.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def write_own(layout: Layout, path: Path, text: str) -> None:
    """Put `text` in a small file of ours; a reader sees the old file or the new one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(open_own(layout, draft, os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
