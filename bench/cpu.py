"""Processor time of the processes that work for a system."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench.processes import postgres_processes


class ProcessorTime:
    """The processor time that processes use from now on, in all their threads.

    Wall time on a busy machine measures the others too; this hardly does. Read from the scheduler's own
    count in nanoseconds, as ``times`` counts in steps of 10 ms. What a thread did that has ended is lost.
    """

    def __init__(self, process_ids: Iterable[int]) -> None:
        self._process_ids = list(process_ids)
        self._before = self._counts()

    def seconds(self) -> float:
        """Return what was used since the beginning."""
        return sum(count - self._before.get(thread, 0) for thread, count in self._counts().items()) / 1e9

    def _counts(self) -> dict[Path, int]:
        counts = {}
        for process_id in self._process_ids:
            for count in Path(f"/proc/{process_id}/task").glob("*/schedstat"):
                with suppress(OSError):  # a thread that ended meanwhile
                    counts[count] = int(count.read_text(encoding="utf-8").split()[0])
        return counts


def clocks(server: int, data_dir: Path) -> dict[str, ProcessorTime]:
    """Begin to measure a server and its PostgreSQL, by what the figures are called."""
    return {
        "service_cpu_ms": ProcessorTime([server]),
        "postgres_cpu_ms": ProcessorTime(postgres_processes(data_dir)),
    }
