"""What goes wrong in PostgreSQL or on the way there is told in the domain's words."""

import asyncpg
import pytest

from app.domain.errors import DatabaseUnavailableError, QueryTimeoutError, UnstorableError
from app.storage.errors import translated_errors


def refused_parameter() -> Exception:
    """Return what asyncpg raises for a parameter that is too large for its type: PostgreSQL never sees it."""
    (kind,) = (each for each in asyncpg.InterfaceError.__subclasses__() if each.__name__ == "DataError")
    refused: Exception = kind("invalid input for query argument $1: 4294967296 (value out of int32 range)")
    return refused


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (asyncpg.QueryCanceledError("too long"), QueryTimeoutError),
        (asyncpg.ConnectionDoesNotExistError("gone"), DatabaseUnavailableError),
        (asyncpg.NumericValueOutOfRangeError("too large"), UnstorableError),
        (refused_parameter(), UnstorableError),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailableError),
        (asyncpg.ClientConfigurationError("no such host"), DatabaseUnavailableError),
        (asyncpg.ProtocolError("half a message"), DatabaseUnavailableError),
        (ConnectionRefusedError(), DatabaseUnavailableError),
        (TimeoutError(), DatabaseUnavailableError),
    ],
)
def test_errors_are_translated(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, translated_errors():
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [asyncpg.UndefinedColumnError("a mistake of ours"), KeyError("x")])
def test_what_has_no_name_passes_as_it_is(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, translated_errors():
        raise raised
    assert caught.value is raised
    assert caught.value.__cause__ is None
