"""
Who may act and who is alive, told by file locks.

The kernel drops a lock with its last holder, however that one ended, so nothing here needs
cleaning up after a SIGKILL, and a reused process id cannot mislead.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError
from app.embedded.layout import open_own

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.embedded.layout import Layout


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def turn(layout: Layout, seconds: float) -> Iterator[int]:
    """Be the only one who starts or stops this server; yields the locked descriptor."""
    descriptor = open_own(layout, layout.turn, os.O_RDWR)
    try:
        deadline = time.monotonic() + seconds
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"another process has been starting or stopping PostgreSQL in {layout.data_dir} for over "
                    f"{seconds:.0f} s; end it (`fuser {layout.turn}` names it) and try again",
                )
            time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def take_if_free(layout: Layout, path: Path) -> int | None:
    """Lock a file exclusively: the open descriptor, or None while others hold it."""
    descriptor = open_own(layout, path, os.O_RDWR)
    if _try_lock(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    return None


def is_held(layout: Layout, path: Path) -> bool:
    """Whether anyone holds a lock on the file. Ask only while having the turn."""
    descriptor = take_if_free(layout, path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


class Lease:
    """One user's claim on the running server, gone at the latest with its process."""

    def __init__(self, layout: Layout) -> None:
        self._descriptor: int | None = open_own(layout, layout.users, os.O_RDWR)
        # Only a user that is stopping holds it exclusively, and never without the turn we have.
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the claim up; more than once does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
