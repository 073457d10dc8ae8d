"""A browser for the tests of the console, and the rules of axe-core: fetched from npm once, by hash.

The package @sparticuz/chromium carries a headless Chromium for x86-64 Linux with the libraries it needs (glibc
aside) and a font, so that a machine with nothing installed can run it. Elsewhere an installed Chromium or Chrome
serves. Everything lies in .browser/ at the top of the repository.
"""

import base64
import fcntl
import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import brotli
import httpx

from tests.conftest import ROOT

CACHE = ROOT / ".browser"
_REGISTRY = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
_INSTALLED = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)  # fmt: skip
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><dir>/usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package of one version, by the hash of its archive."""

    name: str
    version: str
    sha512: str

    @property
    def address(self) -> str:
        """Where its archive lies."""
        return f"{_REGISTRY}/{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


CHROMIUM = Package(
    "@sparticuz/chromium",
    "153.0.0",
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
)
AXE = Package(
    "axe-core",
    "4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """A program, and the environment it needs."""

    program: str
    environment: dict[str, str] = field(default_factory=dict)


class NoBrowserError(Exception):
    """There is none, and none can be had."""


def find_browser() -> Browser:
    """Return the browser that CONSOLE_BROWSER names, or the fetched one, or one that is installed.

    Raises
    ------
    NoBrowserError
        There is none; the message says what to do.
    """
    if named := os.environ.get("CONSOLE_BROWSER"):
        return Browser(named)
    trouble = f"none can be fetched for {platform.system()} on {platform.machine()}"
    if sys.platform == "linux" and platform.machine() == "x86_64":
        try:
            folder = _fetched(CHROMIUM, _unpack_chromium)
        except httpx.HTTPError as error:
            trouble = f"{CHROMIUM.address} cannot be fetched ({error})"
        else:
            environment = {
                "LD_LIBRARY_PATH": str(folder / "lib"),
                "FONTCONFIG_FILE": str(folder / "fonts.conf"),
                "XDG_CACHE_HOME": str(folder / "cache"),
            }
            return Browser(str(folder / "chromium"), environment)
    if installed := next(filter(None, map(shutil.which, _INSTALLED)), None):
        return Browser(installed)
    raise NoBrowserError(
        f"The tests of the console need a browser: {trouble}, and no Chromium or Chrome is installed. "
        "Install one, or name one: CONSOLE_BROWSER=/path/to/chrome make test"
    )


def axe_source() -> str:
    """Return the script of axe-core."""
    return (_fetched(AXE, _unpack_axe) / "axe.min.js").read_text(encoding="utf-8")


def _fetched(package: Package, unpack: Callable[[dict[str, bytes], Path], None]) -> Path:
    """Return the folder of a package; whoever comes first fetches it, the others wait."""
    target = CACHE / f"{package.name.rpartition('/')[2]}-{package.version}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            draft = Path(mkdtemp(dir=CACHE))
            unpack(_files_of(package), draft)
            draft.rename(target)
    return target


def _files_of(package: Package) -> dict[str, bytes]:
    archive = httpx.get(package.address, follow_redirects=True, timeout=300).raise_for_status().content
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.sha512:
        raise AssertionError(f"{package.address} is not what was pinned: sha512-{found}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]  # files only


def _unpack_chromium(files: dict[str, bytes], folder: Path) -> None:
    program = folder / "chromium"
    program.write_bytes(brotli.decompress(files["package/bin/chromium.br"]))
    program.chmod(0o755)
    for name in ("al2023", "fonts", "swiftshader"):
        archive = brotli.decompress(files[f"package/bin/{name}.tar.br"])
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # from Python 3.11.4 on
            tar.extractall(folder)  # noqa: S202  the archive is what was pinned
    (folder / "fonts.conf").write_text(_FONTS, encoding="utf-8")


def _unpack_axe(files: dict[str, bytes], folder: Path) -> None:
    (folder / "axe.min.js").write_bytes(files["package/axe.min.js"])
