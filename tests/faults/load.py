"""Requests at a rate of their own, whether answered or not, and how each was answered.

The client is written out on a protocol of asyncio's: at ten times what a service can do, a comfortable one would be
what is measured.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from typing_extensions import override

ACCEPTED, REFUSED = 200, 503


def request(path: str, body: bytes) -> bytes:
    """Write out a POST."""
    head = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


@dataclass(slots=True)
class Answers:
    """How requests of one kind were answered: milliseconds by status, in the order they came."""

    times: dict[int, list[float]] = field(default_factory=dict)
    unlike: list[bytes] = field(default_factory=list)
    """Beginnings of answers that nobody should get."""

    def note(self, status: int, milliseconds: float, head: bytes, body: bytes) -> None:
        """Take down an answer."""
        self.times.setdefault(status, []).append(milliseconds)
        fitting = status == ACCEPTED or (
            status == REFUSED and b"retry-after: 1" in head.lower() and b'"code":"overloaded"' in body
        )
        if not fitting:
            self.unlike.append(head[:200] + body[:300])

    def count(self, status: int) -> int:
        """Return how many were answered so."""
        return len(self.times.get(status, ()))

    def percentile(self, status: int, share: float) -> float:
        """Return a percentile, in milliseconds; nan where there was no such answer."""
        times = self.times.get(status)
        return float(np.percentile(times, share)) if times else float("nan")


class Wire(asyncio.Protocol):
    """A connection with one request at a time on it."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._came = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes, bytes]] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._came += data
        end = self._came.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._came[:end])
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._came) >= end + 4 + length:
            body = bytes(self._came[end + 4 : end + 4 + length])
            self._came.clear()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((int(head[9:12]), head, body))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))

    async def ask(self, wanted: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; return status, head and body of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(wanted)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Load:
    """Clients of one service, as many as are waiting for an answer at once."""

    def __init__(self, port: int, most: int = 600) -> None:
        self._port = port
        self._most = most
        self._open = 0
        self._idle: deque[Wire] = deque()
        self.refused = 0
        self.missed = 0
        """Requests that were not sent, for want of a connection."""

    async def each(self, number: int, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask so many requests at once; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        await asyncio.gather(*[self._ask(*draw(), answers) for _ in range(number)])
        return answers

    async def steadily(self, clients: int, seconds: float, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask by so many clients, one request after the other; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        end = perf_counter() + seconds

        async def client() -> None:
            while perf_counter() < end:
                await self._ask(*draw(), answers)

        await asyncio.gather(*[client() for _ in range(clients)])
        return answers

    async def at_rate(self, rate: float, seconds: float, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask so many times a second on average, at moments of their own; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        under_way: set[asyncio.Task[None]] = set()
        chance = random.Random(1)
        began = due = perf_counter()
        while due < began + seconds:
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            if len(under_way) < self._most:
                task = asyncio.ensure_future(self._ask(*draw(), answers))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            else:
                self.missed += 1
            due += chance.expovariate(rate)
            if early < -0.01:  # late: let answers be read between requests, or they would seem late too
                await asyncio.sleep(0)
        await asyncio.gather(*under_way)
        return answers

    async def _ask(self, kind: str, wanted: bytes, answers: dict[str, Answers]) -> None:
        wire = await self._wire()
        began = perf_counter()
        try:
            status, head, body = await wire.ask(wanted)
        except ConnectionError:  # the service hung up in the moment in which the connection was used again
            wire, began = await self._connect(), perf_counter()
            status, head, body = await wire.ask(wanted)
        self.refused += status == REFUSED
        answers.setdefault(kind, Answers()).note(status, (perf_counter() - began) * 1000, head, body)
        self._idle.append(wire)

    async def _wire(self) -> Wire:
        while self._idle:
            if not (wire := self._idle.pop()).closed:  # the service hangs up on connections that rest
                return wire
        return await self._connect()

    async def _connect(self) -> Wire:
        _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", self._port)
        return wire

    def close(self) -> None:
        """Hang up everywhere."""
        for wire in self._idle:
            wire.close()


def drawn(
    chance: random.Random, kinds: Sequence[tuple[str, float, Callable[[], bytes]]]
) -> Callable[[], tuple[str, bytes]]:
    """Return what draws requests of several kinds by their shares."""
    names, shares, make = zip(*kinds, strict=True)

    def draw() -> tuple[str, bytes]:
        (place,) = chance.choices(range(len(names)), shares)
        return names[place], make[place]()

    return draw
