"""Memory that runs out: a request that finds none is refused, and the service goes on."""

import resource
from contextlib import suppress
from pathlib import Path

import httpx

from tests.api.calls import NEAR, document
from tests.faults.processes import ServiceProcess, service
from tests.faults.test_network import recovered, search

LARGE = 24 * 2**20


def bound(serving: ServiceProcess, room: int | None) -> None:
    """Let a process have so much more address space than it has, or any."""
    _, most = resource.prlimit(serving.pid, resource.RLIMIT_AS)
    limit = most
    if room is not None:
        pages = int(Path(f"/proc/{serving.pid}/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + room
    resource.prlimit(serving.pid, resource.RLIMIT_AS, (limit, most))


async def write_large(http: httpx.AsyncClient) -> httpx.Response:
    chunks = [{"chunk_index": 0, "content": "word " * (LARGE // 5), "embedding": NEAR}]
    return await http.post("/documents", json={"documents": [document("large") | {"chunks": chunks}]})


async def test_a_request_without_memory_is_refused_and_the_service_goes_on(dsn: str) -> None:
    """Refused, or the connection breaks where there was not even memory to read it."""
    async with service(dsn) as serving, httpx.AsyncClient(base_url=serving.url, timeout=60) as http:
        await recovered(http)
        bound(serving, LARGE // 2)
        with suppress(httpx.TransportError):
            refused = await write_large(http)
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded"), refused.text
            assert refused.headers["retry-after"] == "1"
        assert (await search(http)).status_code == 200
        bound(serving, None)
        await recovered(http)
        assert (await http.get("/documents/large")).status_code == 404
        assert serving.process is not None
        assert serving.process.returncode is None
