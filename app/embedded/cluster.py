"""Making PostgreSQL's data folder."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedded.errors import EmbeddedError
from app.embedded.layout import sync_folder, write_own

if TYPE_CHECKING:
    from app.embedded.layout import Layout
    from app.embedded.site import Site

SUPERUSER = "postgres"
_DRAFT = "cluster.new-"


def existing_version(layout: Layout) -> int | None:
    """Return the major version of the data, None before there is any."""
    try:
        return int((layout.cluster / "PG_VERSION").read_text(encoding="utf-8").split(".")[0])
    except FileNotFoundError:
        return None


def check_version(layout: Layout, version: int) -> None:
    """
    Make sure that the data, if there is any, is ours and of this major version.

    Raises
    ------
    EmbeddedError
        When it is not.
    """
    if (layout.data_dir / "PG_VERSION").exists():
        raise EmbeddedError(
            f"{layout.data_dir} is itself a data folder of another PostgreSQL; choose another (DATA_DIR)",
        )
    existing = existing_version(layout)
    if existing is not None and existing != version:
        raise EmbeddedError(
            f"the data in {layout.data_dir} is of PostgreSQL {existing}, not {version}: nothing was touched; "
            f"ask for version {existing}, or choose an empty folder (DATA_DIR) and load the documents again",
        )


def password(layout: Layout) -> str:
    """
    Return the superuser's password.

    Raises
    ------
    EmbeddedError
        When the data is there without it.
    """
    try:
        return layout.password.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EmbeddedError(
            f"the password of the database in {layout.cluster} cannot be read from {layout.password} "
            f"({error.strerror}); put the file back, or start with an empty folder (DATA_DIR)",
        ) from error


def _locale_choices(version: int) -> list[list[str]]:
    # PostgreSQL's own C.UTF-8 does not change with the system's C library, so no index on text
    # is ever invalidated by a system upgrade.
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version > 16 else []  # noqa: PLR2004 - the release that brought it
    return [
        [*provider, "--locale=C.UTF-8"],
        [*provider, "--locale=C", "--lc-ctype=UTF-8"],  # macOS knows no C.UTF-8
        [*provider, "--locale=C"],
    ]


def _run_initdb(site: Site, folder: Path, options: list[str], turn: int) -> subprocess.CompletedProcess[str]:
    command = [site.binaries.tool("initdb"), "-D", site.path_for_server(folder), "-U", SUPERUSER, *options]
    with tempfile.TemporaryFile() as secret:
        # Handed over open, since the server's user may have no way to any file of ours.
        secret.write(password(site.layout).encode() + b"\n")
        secret.seek(0)
        if os.geteuid() == 0:
            os.fchown(secret.fileno(), site.account.uid, site.account.gid)
        return subprocess.run(  # noqa: S603 - our own programs, no shell
            command,
            check=False,
            cwd=folder,
            env=site.binaries.environment(),
            stdin=secret,
            capture_output=True,
            text=True,
            # Should we be killed, the turn stays taken until initdb has ended, and nobody
            # clears its folder away from under it.
            pass_fds=(turn,),
            **site.account.run_as,
        )


def _new_folder(site: Site, parent: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=parent))
    site.account.own(folder)
    return folder


def initialise(site: Site, turn: int, *, durable: bool) -> None:
    """
    Make the data folder: whole, or not at all.

    Raises
    ------
    EmbeddedError
        When initdb fails, with its words.
    """
    layout = site.layout
    for left_over in layout.data_dir.glob(f"{_DRAFT}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    if not layout.password.exists():
        write_own(layout, layout.password, secrets.token_hex(24))
    options = [
        "--auth=scram-sha-256",
        "--pwfile=/dev/stdin",
        "-E",
        "UTF8",
        "--no-instructions",
        "--data-checksums",
    ]
    if not durable:
        options.append("--no-sync")
    said = ""
    for locale in _locale_choices(site.binaries.version):
        folder = _new_folder(site, layout.data_dir)
        try:
            done = _run_initdb(site, folder, options + locale, turn)
            if done.returncode == 0:
                folder.rename(layout.cluster)
                sync_folder(layout.data_dir)
                return
            said = (done.stderr or done.stdout).strip()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if "locale" not in said:
            break
    hint = f" (add user {site.account.name} to /etc/passwd)" if "look up effective user" in said else ""
    raise EmbeddedError(f"PostgreSQL could not make its data folder in {layout.data_dir}: {said}{hint}")
