"""The service as a process of its own, to be killed, ended and looked at from outside."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import IO

import httpx

from tests.conftest import DIMENSION, ROOT

_RUN = "import sys; sys.argv = ['vector-search', 'serve']; from app.cli import main; main()"
_START_SECONDS = 90


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServiceProcess:
    """One service process on a port of its own, over all its lives.

    Parameters
    ----------
    dsn
        Its database.
    log
        Where its log goes.
    settings
        Further environment variables.
    """

    def __init__(self, dsn: str, log: IO[bytes], **settings: str) -> None:
        self._log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "EMBEDDING_"))}
        self._environment = own | {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": dsn,
            "PORT": str(self.port),
            "VECTOR_DB_EMBEDDING_DIMENSION": str(DIMENSION),
            "LOG_LEVEL": "error",
        } | settings  # fmt: skip
        self.process: asyncio.subprocess.Process | None = None
        self.crashes: list[str] = []
        """What the log says of requests that nobody foresaw; complete when the context of `service` ends."""

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Begin; `until_ready` waits for it."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RUN, env=self._environment, cwd=ROOT, stdout=self._log, stderr=self._log
        )

    async def until_ready(self) -> float:
        """Wait until readiness is reported; return the seconds it took."""
        began = monotonic()
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as http:
            while monotonic() - began < _START_SECONDS:
                assert self.process is not None
                assert self.process.returncode is None, f"the service ended with {self.process.returncode}"
                try:
                    if (await http.get("/health/ready")).is_success:
                        return monotonic() - began
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"not ready within {_START_SECONDS} s")

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()

    def memory_bytes(self) -> int:
        """Return its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def open_files(self) -> int:
        """Return how many file descriptors it has."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@asynccontextmanager
async def service(dsn: str, **settings: str) -> AsyncIterator[ServiceProcess]:
    """Serve until the end of the context."""
    with tempfile.TemporaryFile() as log:
        serving = ServiceProcess(dsn, log, **settings)
        await serving.start()
        try:
            await serving.until_ready()
            yield serving
        finally:
            if serving.process is not None and serving.process.returncode is None:
                await serving.end(signal.SIGKILL)
            log.seek(0)
            serving.crashes += [line.decode() for line in log if b"request_crashed" in line or b"Traceback" in line]
