"""PostgreSQL's errors in the domain's words, by SQLSTATE (PostgreSQL manual, appendix A)."""

import ssl
from contextlib import AbstractContextManager

import asyncpg

from app.domain.errors import (
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    DependencyError,
    IndexNotFoundError,
    QueryTimeoutError,
    TablesBusyError,
    UnstorableError,
)

_BY_STATE: tuple[tuple[str, type[DependencyError], str], ...] = (
    ("57014", QueryTimeoutError, "The database took longer than the statement limit."),
    ("25006", DatabaseReadOnlyError, "The database takes no writes now."),
    ("53100", DatabaseFullError, "The database has no room left on its disk."),
    ("08", DatabaseUnavailableError, "The connection to the database broke."),
    ("53", DatabaseUnavailableError, "The database has no resources left for this."),
    ("57P", DatabaseUnavailableError, "The database is starting or stopping."),
    ("40", DatabaseUnavailableError, "The database gave up on conflicting writes; try again."),
    ("55P03", TablesBusyError, "A lock was not to be had in time; try again."),
    ("28", DatabaseUnavailableError, "The database refused the login."),
    ("3D000", DatabaseUnavailableError, "The database does not exist."),
    ("58", DatabaseUnavailableError, "The database failed at its own files."),
    ("42P01", DatabaseUnavailableError, "The schema is not there: run `vector-search migrate`."),
)
_UNSTORABLE = ("22", "54")  # data exceptions, and limits of a type or a row
_NO_TLS = "rejected SSL upgrade"
_NO_PARTITION = "no partition of relation"
_NO_INDEX = "uploads_index_id_fkey"


class _Translation:
    """A class of its own, and one for all: every statement of every search enters it several times."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and (translated := _translated(error)) is not None:
            raise translated from error


_TRANSLATION = _Translation()


def translated_errors() -> AbstractContextManager[None]:
    """Raise what goes wrong in PostgreSQL as a domain error; what it cannot name passes as it is."""
    return _TRANSLATION


def _translated(error: BaseException) -> Exception | None:
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error)
    if isinstance(error, TimeoutError):
        return DatabaseUnavailableError("The database did not answer in time.")
    if isinstance(error, asyncpg.InternalClientError):  # how a connection feels that broke in the middle of something
        return DatabaseUnavailableError("The connection to the database broke.")
    if isinstance(error, OSError | asyncpg.InterfaceError):
        return _of_client(error)
    return None


def _of_client(error: OSError | asyncpg.InterfaceError) -> Exception:
    # asyncpg has two errors of one name: that of a parameter its type cannot hold is hidden by one of PostgreSQL's.
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.ClientConfigurationError | OSError):
        return UnstorableError(str(error))
    return DatabaseUnavailableError(_why_unreachable(error))


def _why_unreachable(error: Exception) -> str:
    """Say what an operator would look for longest: that TLS is wanted, and what is wrong with it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The database's certificate is not trusted: {error.verify_message}. Name the authority that signed it in "
            "VECTOR_DB_SSLROOTCERT, and the host by a name that the certificate has."
        )
    if _NO_TLS in str(error):
        return (
            "The database offers no TLS, which is wanted because it is on another machine. Switch it on there, or say "
            "VECTOR_DB_SSLMODE=disable where the network between keeps strangers out."
        )
    return "The database cannot be reached."


def _by_state(error: asyncpg.PostgresError) -> Exception | None:
    state = str(getattr(error, "sqlstate", None) or "")
    if (state == "23514" and _NO_PARTITION in str(error)) or (state == "23503" and _NO_INDEX in str(error)):
        return IndexNotFoundError("The index was dropped.")
    if state.startswith(_UNSTORABLE):
        return UnstorableError(f"PostgreSQL cannot hold it: {error}.")
    for prefix, kind, detail in _BY_STATE:
        if state.startswith(prefix):
            return kind(detail)
    return None
