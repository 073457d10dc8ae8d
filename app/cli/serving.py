"""Running uvicorn, and telling people what to type next."""

import asyncio
import gc
import os
import signal
import socket
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import NoReturn

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from app.cli import sample
from app.cli.garbage import collect_seldom
from app.cli.one_write import OneWriteProtocol
from app.main import create_app
from app.observability.metrics import MULTIPROCESS_DIR
from app.settings import Settings

log = structlog.get_logger()

_DRAIN_SECONDS = 25
_BACKLOG = 2048


class _Announcing(uvicorn.Server):
    """Says what to try once requests are answered."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            typer.echo(self._announcement)


def serve(settings: Settings, dsn: str, *, with_sample: bool) -> None:
    """Serve until stopped; SIGTERM and Ctrl-C let running requests end."""
    os.environ["DATABASE_URL"] = dsn  # for the worker processes
    _warn_of_open_doors(settings)
    if with_sample:
        asyncio.run(sample.load(Settings()))
    options = {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _DRAIN_SECONDS,
        "backlog": _BACKLOG,
        "http": OneWriteProtocol,
        "proxy_headers": False,  # who asks is who is connected: a header could say anything
    }
    if settings.workers > 1:
        typer.echo(_announcement(settings, with_sample=with_sample))
        with TemporaryDirectory(prefix="vector-search-metrics-") as folder:
            os.environ[MULTIPROCESS_DIR] = folder
            uvicorn.run("app.cli.serving:application", factory=True, workers=settings.workers, **options)  # type: ignore[arg-type]
        return
    signal.signal(signal.SIGTERM, _leave)
    server = _Announcing(uvicorn.Config(application(), **options), _announcement(settings, with_sample=with_sample))  # type: ignore[arg-type]
    with suppress(KeyboardInterrupt):  # uvicorn raises it again once requests have ended
        server.run()


def application() -> FastAPI:
    """Build the application of a process that serves nothing else.

    What lives as long as the process, most of it code of libraries, is taken out of what the garbage collector walks
    through: a full collection would stop every request for a good part of 100 ms, every few seconds.
    """
    app = create_app(Settings())
    collect_seldom()
    gc.collect()
    gc.freeze()
    return app


def _warn_of_open_doors(settings: Settings) -> None:
    """Say loudly who is let in where the settings name no key."""
    if settings.api_keys or settings.oidc_issuer is not None:
        return
    if settings.allow_anonymous:
        log.warning("anyone_may_do_anything", host=settings.host, setting="VECTOR_SEARCH_ALLOW_ANONYMOUS")
    else:
        log.warning("only_this_machine_is_answered", host=settings.host, until="there is a key")


def _leave(_signal: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, so that what was started is stopped."""
    raise SystemExit(0)


def _announcement(settings: Settings, *, with_sample: bool) -> str:
    url = f"http://{settings.host}:{settings.port}"
    lines = [f"Onyx Vector Search answers at {url} (API page: {url}/docs)."]
    if with_sample:
        curl = f"curl -s {url}/search -H 'content-type: application/json'"
        lines += [
            "Try:",
            f'  {curl} -d \'{{"query": "{sample.QUESTION}", "limit": 3}}\'',
            f"  {curl} -d @{sample.QUERY_FILE}",
        ]
    return "\n".join(lines)
