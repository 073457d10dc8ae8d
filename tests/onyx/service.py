"""The service on a loopback port, in a thread of its own: a blocking client needs a real one.

Run as a script it serves a database of its own while a command runs, whose environment names the service:
``python tests/onyx/service.py command …``.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import embedded
from app.main import create_app
from app.settings import Settings
from tests.conftest import ROOT, make_settings, template_of, temporary_database

URL_VARIABLE = "ONYX_TEST_SERVICE_URL"
_START_SECONDS = 60


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve one application; yields its URL."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        config = uvicorn.Config(create_app(settings), log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            _wait(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)


@contextmanager
def serving_new_database(server: embedded.EmbeddedServer, template: str) -> Iterator[str]:
    """Serve a database made for it; yields the URL."""
    database = temporary_database(server, template)
    with asyncio.Runner() as runner:
        dsn = runner.run(database.__aenter__())
        try:
            with serving(make_settings(dsn)) as url:
                yield url
        finally:
            runner.run(database.__aexit__(None, None, None))


def _wait(server: uvicorn.Server, thread: Thread) -> None:
    for _ in range(_START_SECONDS * 100):
        if server.started:
            return
        thread.join(0.01)
        if not thread.is_alive():
            break
    raise RuntimeError("The service did not start.")


def _main() -> int:
    with (
        embedded.start(ROOT / ".postgres" / "18", version=18, durable=False, memory_bytes=4 * 2**30) as server,
        serving_new_database(server, template_of(server)) as url,
    ):
        return subprocess.run(sys.argv[1:], env=os.environ | {URL_VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(_main())
