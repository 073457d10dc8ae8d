"""Requests at a rate of their own, whether answered or not, and how each was answered.

The client is written out on sockets: at ten times what a service can do, a comfortable one would be what is measured.
"""

import asyncio
import random
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import time
from typing import NamedTuple

import numpy as np

ACCEPTED, REFUSED = 200, 503
_SO_TIMESTAMPNS = 35
"""Linux's; Python has no name for it."""
_PIECE, _ROOM = 65_536, 128


def request(path: str, body: bytes) -> bytes:
    """Write out a POST."""
    head = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


class Reply(NamedTuple):
    """An answer, and when its request was sent and it came, in seconds of the wall clock."""

    status: int
    head: bytes
    body: bytes
    sent: float
    came: float


@dataclass(slots=True)
class Answers:
    """How requests of one kind were answered: milliseconds by status, in the order they came.

    ``waited`` counts from when a request was to be sent, ``served`` from when it was: the service could read it then.
    """

    waited: dict[int, list[float]] = field(default_factory=dict)
    served: dict[int, list[float]] = field(default_factory=dict)
    unlike: list[bytes] = field(default_factory=list)
    """Beginnings of answers that nobody should get."""

    def note(self, due: float, reply: Reply) -> None:
        """Take down an answer to a request that was to be sent at some time."""
        status = reply.status
        self.waited.setdefault(status, []).append((reply.came - due) * 1000)
        self.served.setdefault(status, []).append((reply.came - reply.sent) * 1000)
        fitting = status == ACCEPTED or (
            status == REFUSED and b"retry-after: 1" in reply.head.lower() and b'"code":"overloaded"' in reply.body
        )
        if not fitting:
            self.unlike.append(reply.head[:200] + reply.body[:300])

    def count(self, status: int) -> int:
        """Return how many were answered so."""
        return len(self.waited.get(status, ()))


def percentile(times: Sequence[float], share: float) -> float:
    """Return a percentile; nan of nothing."""
    return float(np.percentile(times, share)) if times else float("nan")


class Wire:
    """A connection with one request at a time on it.

    Parameters
    ----------
    connected
        Its socket. Where the system can tell when an answer came, it is asked: the time until this process got round
        to reading it, beside hundreds of others, is no time of the service's.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.closed = False
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._sent = 0.0
        self._answer: asyncio.Future[Reply] | None = None
        if sys.platform == "linux":
            connected.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._loop.add_reader(connected, self._read)

    async def ask(self, wanted: bytes) -> Reply:
        """Send a request; return its answer."""
        self._answer = self._loop.create_future()
        self._sent = time()
        await self._loop.sock_sendall(self._socket, wanted)
        return await self._answer

    def _read(self) -> None:
        try:
            data, told, _, _ = self._socket.recvmsg(_PIECE, _ROOM)
        except BlockingIOError:
            return
        except OSError:
            data, told = b"", []
        if not data:
            self.close()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(ConnectionResetError("closed without an answer"))
            return
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end])
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._received) >= end + 4 + length:
            body = bytes(self._received[end + 4 : end + 4 + length])
            self._received.clear()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(Reply(int(head[9:12]), head, body, self._sent, _when(told)))

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._socket)
            self._socket.close()


def _when(told: Sequence[tuple[int, int, bytes]]) -> float:
    """Return when data came, if the system tells, and the present if not."""
    for level, kind, value in told:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", value)
            return float(seconds + nanoseconds / 1e9)
    return time()


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
        self.late: list[float] = []
        """By how many milliseconds later than it was to be each was sent."""

    async def each(self, number: int, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask so many requests at once; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        await asyncio.gather(*[self._ask(*draw(), answers, time()) for _ in range(number)])
        return answers

    async def steadily(self, clients: int, seconds: float, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask by so many clients, one request after the other; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        end = time() + seconds

        async def client() -> None:
            while (now := time()) < end:
                await self._ask(*draw(), answers, now)

        await asyncio.gather(*[client() for _ in range(clients)])
        return answers

    async def at_rate(self, rate: float, seconds: float, draw: Callable[[], tuple[str, bytes]]) -> dict[str, Answers]:
        """Ask so many times a second on average, at moments of their own; return the answers by kind of request."""
        answers: dict[str, Answers] = {}
        under_way: set[asyncio.Task[None]] = set()
        chance = random.Random(1)
        began = due = time()
        while due < began + seconds:
            if (early := due - time()) > 0:
                await asyncio.sleep(early)
            if len(under_way) < self._most:
                task = asyncio.ensure_future(self._ask(*draw(), answers, due))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            else:
                self.missed += 1
            due += chance.expovariate(rate)
            if early < -0.01:  # late: let answers be read between requests, or they would seem late too
                await asyncio.sleep(0)
        await asyncio.gather(*under_way)
        return answers

    async def _ask(self, kind: str, wanted: bytes, answers: dict[str, Answers], due: float) -> None:
        wire = await self._wire()
        try:
            reply = await wire.ask(wanted)
        except OSError:  # the service hung up in the moment in which the connection was used again
            wire = await self._connect()
            reply = await wire.ask(wanted)
        self.refused += reply.status == REFUSED
        self.late.append((reply.sent - due) * 1000)
        answers.setdefault(kind, Answers()).note(due, reply)
        self._idle.append(wire)

    async def _wire(self) -> Wire:
        while self._idle:
            if not (wire := self._idle.pop()).closed:  # the service hangs up on connections that rest
                return wire
        return await self._connect()

    async def _connect(self) -> Wire:
        connected = socket.socket()
        connected.setblocking(False)  # noqa: FBT003  the standard library
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", self._port))
        return Wire(connected)

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
