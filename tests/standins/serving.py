"""An ASGI application on a real port, in a thread, for as long as a test needs it."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette


@contextmanager
def serve(app: Starlette, *, certificate: Path | None = None, client_authority: Path | None = None) -> Iterator[str]:
    """Serve on a free port and return the address; with a certificate over TLS, and to known clients only."""
    options: dict[str, Any] = {"log_level": "critical", "ws": "none", "lifespan": "off", "timeout_graceful_shutdown": 1}
    if certificate is not None:
        options["ssl_certfile"] = str(certificate)
    if client_authority is not None:
        options |= {"ssl_ca_certs": str(client_authority), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"{'http' if certificate is None else 'https'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
