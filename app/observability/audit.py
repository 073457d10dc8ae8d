"""The audit log: lines of its own, written whatever the least level is."""

import logging
from typing import Any

import structlog

log: Any = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


def write_audit(**about: object) -> None:
    """Write a line about a call: who made it, about what, and how it ended."""
    log.info("audit", **about)
