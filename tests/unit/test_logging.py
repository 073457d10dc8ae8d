"""Lines of our own and of libraries, in one form."""

import json
import logging

import pytest
import structlog

from app.observability.logging import configure_logging


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_an_object_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.info("request", ms=1.5, huge=2**80, odd={1: 2}, broken="\ud800", thing=object())
    log.debug("unseen")
    (found,) = lines(capsys)
    assert (found["event"], found["level"], found["request_id"], found["ms"]) == ("request", "info", "r1", 1.5)
    assert (found["huge"], found["odd"]) == (2**80, {"1": 2})
    assert str(found["timestamp"]).endswith("Z")


def test_an_exception_comes_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("error", "json")
    try:
        int("lost")
    except ValueError:
        structlog.get_logger().exception("request_crashed")
    (found,) = lines(capsys)
    assert "ValueError: invalid literal" in str(found["exception"])


def test_libraries_log_in_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "json")
    logging.getLogger("library").warning("careful: %s", "hot")
    logging.getLogger("library").info("unseen")
    (found,) = lines(capsys)
    assert (found["event"], found["level"]) == ("careful: hot", "warning")


def test_people_get_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "text")
    structlog.get_logger().info("ready", postgres=18)
    assert "ready" in capsys.readouterr().err
