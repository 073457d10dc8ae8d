"""The wall clock of the service jumps while it works: forward by a day, back by two, forward by ten years.

``make faults-clock`` (Linux, Debian's package faketime). Waits go by the monotonic clock, so writes and searches go on
as if nothing had happened; a search token is as old as the wall clock says.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import httpx

from tests.faults.cluster import cluster
from tests.faults.processes import service
from tests.faults.test_network import search, write

LIBRARY = "*/faketime/libfaketime.so.1"
"""Below /usr/lib, where Debian has it; elsewhere it is named."""
KEY = "key of the clock"
DAY = 86_400
JUMPS = {"+1d": DAY, "-1d": -DAY, "+10y": 3650 * DAY, "+0d": 0}


async def token(http: httpx.AsyncClient) -> tuple[str, int]:
    """Make a search token for a minute; return it and when it expires."""
    made = await http.post("/tokens", json={"access_control_list": [], "expires_in": 60})
    assert made.status_code == httpx.codes.OK, made.text
    return made.json()["token"], made.json()["expires_at"]


async def search_by(http: httpx.AsyncClient, bearer: str) -> int:
    """Search with a token; return the status."""
    answer = await http.post("/search", json={"mode": "random"}, headers={"authorization": f"Bearer {bearer}"})
    return answer.status_code


async def jump(http: httpx.AsyncClient, clock: Path, offset: str, expires_at: int) -> None:
    """Let the clock jump under load, and look at what depends on it."""
    work = [asyncio.ensure_future(call(http)) for _ in range(20) for call in (search, write)]
    clock.write_text(offset, encoding="ascii")  # noqa: ASYNC240  some bytes
    assert {answer.status_code for answer in await asyncio.gather(*work)} == {200}
    fresh, fresh_expires_at = await token(http)
    jumped = fresh_expires_at - expires_at
    assert abs(jumped - JUMPS[offset]) < DAY / 2, f"the clock went {jumped} s"
    assert await search_by(http, fresh) == httpx.codes.OK
    assert (await http.get("/health/ready")).status_code == httpx.codes.OK
    assert (await http.get("/health")).status_code == httpx.codes.OK
    print(f"{offset}: the service's clock is {jumped} s on; every write and search was answered")  # noqa: T201  a script says what it found


async def main(library: str) -> None:
    """Let the clock jump to and fro."""
    with tempfile.NamedTemporaryFile("w", suffix=".clock") as file:
        clock = Path(file.name)
        clock.write_text("+0d", encoding="ascii")  # noqa: ASYNC240  as above
        faked = {
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file.name, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
            "VECTOR_SEARCH_API_KEYS": f'["{KEY}"]',
            "VECTOR_SEARCH_TOKEN_SECRETS": '["a secret of thirty-two characters"]',
        }  # fmt: skip
        async with cluster() as database, service(database.dsn, **faked) as serving:
            bearer = {"authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(base_url=serving.url, timeout=60, headers=bearer) as http:
                assert (await write(http)).status_code == httpx.codes.OK
                old, expires_at = await token(http)
                assert await search_by(http, old) == httpx.codes.OK
                for offset, seconds in JUMPS.items():
                    await jump(http, clock, offset, expires_at)
                    if seconds > 0:
                        assert await search_by(http, old) == httpx.codes.UNAUTHORIZED
        assert serving.crashes == []


if __name__ == "__main__":
    found = sys.argv[1:] or [str(path) for path in Path("/usr/lib").glob(LIBRARY)]
    if not found:
        sys.exit("No libfaketime.so.1: install Debian's package faketime, or name the library.")
    asyncio.run(main(found[0]))
