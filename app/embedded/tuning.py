"""PostgreSQL settings by the size of the machine."""

from __future__ import annotations

_MB = 1024 * 1024
_GB = 1024 * _MB


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def _size(size: int) -> str:
    """Write a size the way PostgreSQL reads it."""
    return f"{size // _GB}GB" if size % _GB == 0 else f"{size // _MB}MB"


def _memory(memory_bytes: int) -> dict[str, str]:
    wal = _between(_GB, memory_bytes // 4, 8 * _GB)
    return {
        "shared_buffers": _size(_between(128 * _MB, memory_bytes // 4 // _MB * _MB, 32 * _GB)),
        "effective_cache_size": _size(max(256 * _MB, memory_bytes * 3 // 4 // _MB * _MB)),
        # An HNSW graph is built in this much; beyond it the build becomes many times slower.
        "maintenance_work_mem": _size(_build_memory(memory_bytes)),
        # Each of the autovacuum workers may take this much while searches go on.
        "autovacuum_work_mem": _size(_between(32 * _MB, memory_bytes // 32 // _MB * _MB, 512 * _MB)),
        "work_mem": _size(_between(4 * _MB, memory_bytes // 400 // _MB * _MB, 64 * _MB)),
        "max_wal_size": _size(wal // _MB * _MB),
        "min_wal_size": "256MB",
    }


def _build_memory(memory_bytes: int) -> int:
    return _between(64 * _MB, memory_bytes // 8 // _MB * _MB, 2 * _GB)


def _workers(cpus: int) -> dict[str, str]:
    half = _between(1, cpus // 2, 8)
    return {
        "max_worker_processes": str(max(8, cpus + 4)),
        "max_parallel_workers": str(max(2, cpus)),
        "max_parallel_workers_per_gather": str(min(half, 4)),
        # The leader builds too, and half of the processors stay with the searches.
        "max_parallel_maintenance_workers": str(half),
    }


_ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    # Every partition and every index of it takes a lock in a query through the parent.
    "max_locks_per_transaction": "256",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # Compiling takes longer than the searches it would speed up.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The launcher reads the log for known failures.
    "lc_messages": "C",
    # The log goes to the file that the launcher hands over and rotates.
    "logging_collector": "off",
    "log_destination": "stderr",
}

_FOR_TESTS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def settings_for(
    *,
    memory_bytes: int,
    cpus: int,
    shared_memory_bytes: int | None = None,
    durable: bool = True,
) -> dict[str, str]:
    """
    Choose the settings of a server.

    Parameters
    ----------
    memory_bytes
        Memory of the machine, or what its container may use.
    cpus
        Processors it may use.
    shared_memory_bytes
        Free room in ``/dev/shm``; None where there is no such place.
    durable
        False gives up crash safety for speed, for tests.

    Returns
    -------
    dict of str to str
        PostgreSQL's settings; the port is not among them.
    """
    settings = _ALWAYS | _memory(memory_bytes) | _workers(cpus)
    # A parallel HNSW build keeps its graph there; a container's usual 64 MB would fail it half-way.
    if shared_memory_bytes is not None and shared_memory_bytes < _build_memory(memory_bytes) + 256 * _MB:
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings if durable else settings | _FOR_TESTS
