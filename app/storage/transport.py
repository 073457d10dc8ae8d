"""TLS to PostgreSQL: verified wherever it is on another machine, unless something else is said."""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import certifi

_OWN_AUTHORITIES = Path("~/.postgresql/root.crt")
_SAID = {"sslmode", "ssl"}


def dsn_with_tls(dsn: str, sslmode: str | None = None, sslrootcert: Path | None = None) -> str:
    """Say in a DSN how TLS is done, if it does not.

    Parameters
    ----------
    dsn
        A DSN as libpq has it (PostgreSQL manual, 34.1.1).
    sslmode
        What to say; None is verify-full for hosts on other machines, and nothing for this one.
    sslrootcert
        The authorities that are trusted; None are those in ``~/.postgresql``, else the system's.
    """
    parts = urlsplit(dsn)
    said = parse_qs(parts.query)
    if _SAID & said.keys() or (sslmode is None and "PGSSLMODE" in os.environ):
        return dsn
    if sslmode is None and any(is_elsewhere(host) for host in _hosts(parts.netloc, said)):
        sslmode = "verify-full"
    if sslmode is None:
        return dsn
    added = {"sslmode": sslmode}
    if sslmode.startswith("verify") and "sslrootcert" not in said and "PGSSLROOTCERT" not in os.environ:
        if sslrootcert is not None:
            added["sslrootcert"] = str(sslrootcert)
        elif not _OWN_AUTHORITIES.expanduser().exists():
            added["sslrootcert"] = ssl.get_default_verify_paths().cafile or certifi.where()
    return f"{dsn}{'&' if parts.query else '?'}{urlencode(added)}"


def is_elsewhere(host: str) -> bool:
    """Whether a host is another machine: neither a folder of sockets nor a loopback address."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _hosts(netloc: str, said: dict[str, list[str]]) -> list[str]:
    """Return the hosts of a DSN: several with commas, IPv6 in brackets, or in the parameter host."""
    listed = netloc.rpartition("@")[2].split(",")
    hosts = [each[1:].partition("]")[0] if each.startswith("[") else each.partition(":")[0] for each in listed]
    return [unquote(host) for host in hosts] + [host for value in said.get("host", []) for host in value.split(",")]
