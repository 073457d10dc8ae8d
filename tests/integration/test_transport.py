"""TLS to PostgreSQL: who cannot prove what it is is not talked to, and the reason is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from app.domain.errors import DatabaseUnavailableError
from app.storage.database import Database
from app.storage.transport import dsn_with_tls


@asynccontextmanager
async def pretending(authority: trustme.CA, name: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Speak TLS as PostgreSQL does, under a name; yield the port and what was said under it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)  # SSLRequest
            writer.write(b"S")
            await writer.start_tls(context)
            heard.append(await reader.read(1000))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


@pytest.mark.parametrize(
    ("known", "name", "said"),
    [(True, "another.internal", "not trusted"), (False, "localhost", "not trusted"), (True, "localhost", None)],
)
async def test_who_cannot_prove_what_it_is_hears_nothing(
    tmp_path: Path,
    known: bool,  # noqa: FBT001  a parameter
    name: str,
    said: str | None,
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    file = tmp_path / "ca.pem"
    (authority if known else stranger).cert_pem.write_to_path(str(file))
    async with pretending(authority, name) as (port, heard):
        dsn = dsn_with_tls(f"postgresql://vectors:the-password@localhost:{port}/d", "verify-full", file)
        database = Database(dsn)
        await database.open()
        with pytest.raises(DatabaseUnavailableError) as raised:
            async with database.session("search"):
                raise AssertionError("it is no database")
        await database.close()
    if said is None:
        assert b"vectors" in b"".join(heard)  # so far it was believed
    else:
        assert said in raised.value.detail
        assert "VECTOR_DB_SSLROOTCERT" in raised.value.detail
        assert b"".join(heard) == b""
    assert "the-password" not in raised.value.detail
