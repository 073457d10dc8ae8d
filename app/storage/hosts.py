"""DSNs that name several servers: hosts by commas, each with its port or the DSN's one, as libpq takes them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit


def split_hosts(dsn: str) -> list[tuple[str, str]]:
    """Return a name, host and port, and a DSN for each server."""
    parts = urlsplit(dsn)
    login, at, hosts = parts.netloc.rpartition("@")
    return [(host, parts._replace(netloc=f"{login}{at}{host}").geturl()) for host in hosts.split(",") if host]


def primary_of(dsn: str) -> dict[str, Any]:
    """Return connection options that find the primary among several servers, wherever it is now.

    One that says it takes writes is meant by read-write: asyncpg would look at the session, and sessions that
    search take none by their own choice.
    """
    parts = urlsplit(dsn)
    asked = parse_qs(parts.query).get("target_session_attrs", [None])[0]
    several = "," in parts.netloc
    wanted = asked == "read-write" or (several and asked is None)
    return {"target_session_attrs": "primary"} if wanted else {}
