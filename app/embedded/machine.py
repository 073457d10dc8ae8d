"""What this machine, or the container around us, has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_UNKNOWN_MEMORY = 4 * 1024**3


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):  # a system without these names
        return _UNKNOWN_MEMORY


def _own_groups(root: Path, membership: Path, controller: str) -> list[Path]:
    """List the folders of our control group and all groups above it, of either version."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return [root]
    found = [root]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root / controller if controllers else root
        inner = base / group.lstrip("/")
        found += [base, inner, *(folder for folder in inner.parents if base in folder.parents)]
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, or "max"
        return None


def memory_bytes(root: Path = _CGROUP, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory we may use: the machine's, or less where a control group says so."""
    limits = [_physical_memory()]
    for group in _own_groups(root, membership, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            limit = _number(group / name)
            if limit:
                limits.append(limit)
    return min(limits)


def _quota(group: Path) -> float | None:
    """Return how many processors a control group may use at a time."""
    try:
        quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # absent, or "max"
        pass
    quota_us, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota_us / period_us if quota_us and period_us and quota_us > 0 else None


def cpus(root: Path = _CGROUP, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Return the processors we may use."""
    counts = [float(os.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    quotas = (_quota(group) for group in _own_groups(root, membership, "cpu"))
    counts += [quota for quota in quotas if quota is not None]
    return max(1, round(min(counts)))


def shared_memory_bytes(folder: Path = Path("/dev/shm")) -> int | None:  # noqa: S108 - measured, never written
    """Return the free room for POSIX shared memory; None where that is no folder."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
