"""Putting the hook into an environment, and taking it out: a line that Python runs at its start.

Run once in the image, after the package is installed: ``onyx-vector-search-plugin install``.
"""

import sys
import sysconfig
from pathlib import Path

FILE_NAME = "onyx_vector_search.pth"
LINE = (
    "import os; os.environ.get('VECTOR_DB_TYPE', '').strip().lower() == 'pgvector'"
    " and __import__('onyx_vector_search.plugin.hook').plugin.hook.install()\n"
)
_USAGE = "usage: onyx-vector-search-plugin install | remove | status"


def path() -> Path:
    """Return where the line stands, or would."""
    return Path(sysconfig.get_path("purelib")) / FILE_NAME


def main(arguments: list[str] | None = None) -> int:
    """Install, remove or show the hook; return the exit status."""
    match sys.argv[1:] if arguments is None else arguments:
        case ["install"]:
            path().write_text(LINE, encoding="utf-8")
            message, status = f"installed: {path()}", 0
        case ["remove"]:
            path().unlink(missing_ok=True)
            message, status = f"removed: {path()}", 0
        case ["status"]:
            installed = path().exists()
            message, status = (
                f"{'installed' if installed else 'not installed'}: {path()}",
                0 if installed else 1,
            )
        case _:
            message, status = _USAGE, 2
    sys.stdout.write(f"{message}\n")
    return status
