"""Bytes that mean nothing, at every route: a refusal that OpenAPI shows, and never a 5xx.

Some here; FUZZ_EXAMPLES=… sends more, and others each time.
"""

import gzip
import os
import random
import socket
from urllib.parse import quote_from_bytes, urlsplit

import httpx
import pytest

from app.main import create_app
from tests.conftest import make_settings
from tests.onyx.service import serving

ROUNDS = int(os.environ.get("FUZZ_EXAMPLES", "6"))
SEED = None if "FUZZ_EXAMPLES" in os.environ else 11
SHOWN = create_app(make_settings("postgresql://nobody@127.0.0.1:9/none")).openapi()["paths"]
OPERATIONS = [(method, path) for path, methods in SHOWN.items() for method in methods]
TYPES = ("application/json", "application/x-ndjson", "application/json; charset=utf-16", "text/plain", "")


def noise(chance: random.Random) -> bytes:
    """Return bytes at random, or JSON that was damaged."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randint(0, 300))
    text = bytearray(b'{"index": "documents", "documents": [{"id": "a", "content": "x", "embedding": [1, 0, 0]}]}')
    for _ in range(chance.randint(1, 6)):
        text[chance.randrange(len(text))] = chance.randrange(256)
    return bytes(text)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
async def test_random_bytes(shared_client: httpx.AsyncClient, method: str, path: str) -> None:
    chance = random.Random(SEED)
    for _ in range(ROUNDS):
        body = noise(chance)
        headers = [(b"content-type", chance.choice(TYPES).encode())]
        if chance.random() < 0.3:
            headers.append((b"content-encoding", b"gzip"))
            body = gzip.compress(body) if chance.random() < 0.5 else body
        headers += [
            (name, bytes(chance.choices(range(32, 256), k=chance.randint(0, 40))))
            for name in (b"x-tenant-id", b"idempotency-key", b"authorization", b"x-request-id")
            if chance.random() < 0.3
        ]
        where = path
        while "{" in where:
            before, _, rest = where.partition("{")
            where = before + quote_from_bytes(chance.randbytes(chance.randint(1, 20)), safe="") + rest.partition("}")[2]
        query = quote_from_bytes(chance.randbytes(chance.randint(0, 20)))
        answer = await shared_client.request(method, f"{where}?{query}", content=body, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, (method, where, headers, body, answer.text)


def test_what_is_no_http_at_all_is_survived(dsn: str) -> None:
    chance = random.Random(SEED)
    with serving(make_settings(dsn)) as url:
        port = urlsplit(url).port or 0
        for _ in range(ROUNDS * 10):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
                wire.sendall(
                    chance.choice([b"", b"GET / HTTP/1.1\r\n", b"POST /search HTTP/1.1\r\nhost: x\r\n"]) + noise(chance)
                )
        assert httpx.get(f"{url}/health").status_code == 200
