"""Logs: one JSON object a line on stderr, or text for people; every line of a request carries its id."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

import orjson
import structlog

from app.observability.tracing import trace_id


def configure_logging(level: str, form: Literal["json", "text"]) -> None:
    """Send our own and the libraries' logs the same way. Request lines of uvicorn are off: we write our own."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    # Our own lines go straight to the stream: the way through the standard library costs more than the rest of a line,
    # and there is one for every request.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLogger().level, logging.WARNING))
    for name in ("alembic", "httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _as_json(event: structlog.types.EventDict, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default=default).decode()
    except TypeError:  # numbers and texts that JSON has no room for
        return json.dumps(event, default=default)


def _add_trace(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Let a line lead to its trace."""
    if (found := trace_id()) is not None:
        event["trace_id"] = found
    return event
