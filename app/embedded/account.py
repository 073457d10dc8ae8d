"""As which system user PostgreSQL runs: it refuses to be root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from app.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

    from app.embedded.layout import Layout


class RunAs(TypedDict, total=False):
    """The arguments of subprocess that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """
    A system user.

    Parameters
    ----------
    uid
        Its number.
    gid
        Its group's number.
    """

    uid: int
    gid: int

    @property
    def run_as(self) -> RunAs:
        """Arguments for subprocess: none when we are this user already."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    @property
    def name(self) -> str:
        """Its name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def own(self, path: Path) -> None:
        """Give a file or folder that we made to this user."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can(self, test: str, path: Path) -> bool:
        """
        Try as this user what the shell's `test` command tells.

        Parameters
        ----------
        test
            ``-x`` or ``-r``.
        path
            The file or folder.
        """
        # Asked of the kernel by a process of that user: groups, ACLs and mounts all count.
        command = ["/bin/sh", "-c", f'test {test} "$0"', str(path)]
        try:
            answer = subprocess.run(command, check=False, cwd="/", **self.run_as)  # noqa: S603 - fixed command, the path is an argument
        except PermissionError as error:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and root may not become another user here; start as an "
                "ordinary user, or allow the container the capabilities SETUID, SETGID and CHOWN",
            ) from error
        return answer.returncode == 0


def _unprivileged() -> Account:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and this system has neither a user `postgres` nor `nobody`; "
        "give the data folder (DATA_DIR) to an ordinary user with chown, or start as one",
    )


def choose(layout: Layout) -> Account:
    """
    Choose the user: ourselves or, when we are root, whoever owns the data.

    Raises
    ------
    EmbeddedError
        When the data belongs to another user, or no user can be found.
    """
    owners = [path.stat() for path in (layout.cluster, layout.data_dir) if path.exists()]
    if os.geteuid() != 0:
        strange = [owner.st_uid for owner in owners if owner.st_uid != os.geteuid()]
        if strange:
            raise EmbeddedError(
                f"the data folder {layout.data_dir} belongs to user {Account(strange[0], 0).name}; "
                "run as that user or as root, or choose another folder (DATA_DIR)",
            )
        return Account(os.geteuid(), os.getegid())
    for owner in owners:
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    return _unprivileged()
