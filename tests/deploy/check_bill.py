"""Hold a bill of materials against the lock: each package that is locked for this machine is listed, as it is locked.

``make sbom`` runs this in the environment that wrote the bill.
"""

import json
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def locked(lock: Path) -> dict[str, str]:
    """Return the versions that are locked for this machine, by name."""
    lines = [
        line.partition("\\")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()
    ]
    wanted = [Requirement(line) for line in lines]
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in wanted
        if each.marker is None or each.marker.evaluate()
    }


def listed(bill: Path) -> dict[str, str]:
    """Return the versions that a bill lists, by name."""
    parts = json.loads(bill.read_text(encoding="utf-8"))["components"]
    return {canonicalize_name(each["name"]): each["version"] for each in parts}


def main(lock: str, bill: str) -> int:
    """Tell what is missing; return 1 if anything is."""
    expected, found = locked(Path(lock)), listed(Path(bill))
    missing = {name: version for name, version in expected.items() if found.get(name) != version}
    for name, version in sorted(missing.items()):
        print(f"{name} {version} is locked, the bill lists {found.get(name)}")
    print(f"{len(expected) - len(missing)} of {len(expected)} locked packages are in {bill}")
    return int(bool(missing or not expected))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
