"""Taking objects out of JSON while it arrives, so that a page of any size is held one row at a time."""

import re
from collections.abc import AsyncIterable, AsyncIterator

import numpy as np

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _END = b'"\\{}]'
_MARKS = np.zeros(256, dtype=bool)
_MARKS[[_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _END]] = True


class ObjectScanner:
    """Finds the outermost objects in JSON text that comes in pieces; every byte is looked at once.

    The marks that matter are found by one numpy look-up per piece: a vector of a thousand numbers costs
    no more than its bytes.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._dropped = 0
        self._scanned = 0
        self._depth = 0
        self._start = 0
        self._in_string = False
        self._next = 0
        self._ended = False

    def has_ended(self) -> bool:
        """Whether the array around the objects has ended."""
        return self._ended

    def feed(self, piece: bytes) -> list[tuple[bytes, int, int]]:
        """Take a piece; return the objects that it completes, with their begin and end in bytes."""
        self._buffer += piece
        marks = np.flatnonzero(_MARKS[np.frombuffer(self._buffer, dtype=np.uint8)[self._scanned :]])
        found = [] if self._ended else self._walk((marks + self._scanned).tolist())
        self._scanned = len(self._buffer)
        keep = self._start if self._depth else (found[-1][2] - self._dropped if found else 0)
        if keep:
            del self._buffer[:keep]
            self._dropped += keep
            self._scanned -= keep
            self._next -= keep
            self._start = 0
        return found

    def rest(self) -> bytes:
        """Return what came after the last complete object."""
        return bytes(self._buffer)

    def _walk(self, marks: list[int]) -> list[tuple[bytes, int, int]]:
        buffer, found = self._buffer, []
        for place in marks:
            if place < self._next:
                continue
            mark = buffer[place]
            if self._in_string:
                self._pass_string(mark, place)
            elif mark == _QUOTE:
                self._in_string = True
            elif mark == _OPEN:
                if not self._depth:
                    self._start = place
                self._depth += 1
            elif mark == _CLOSE and self._depth:
                self._depth -= 1
                if not self._depth:
                    begin = self._dropped + self._start
                    found.append((bytes(buffer[self._start : place + 1]), begin, self._dropped + place + 1))
            elif mark == _END and not self._depth:
                self._ended = True
                break
        return found

    def _pass_string(self, mark: int, place: int) -> None:
        if mark == _BACKSLASH:
            self._next = place + 2
        elif mark == _QUOTE:
            self._in_string = False


class ArrayStream:
    """The objects of one array in a JSON text, and the text without them.

    Parameters
    ----------
    key
        The name of the array, such as ``documents``. The first array of that name is meant.
    """

    def __init__(self, key: str) -> None:
        self._begin = re.compile(rb'"' + re.escape(key.encode()) + rb'"\s*:\s*\[')
        self.rest = b""
        """All but the objects; valid JSON if the text was. Complete when the objects have all come."""

    async def objects(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Yield the objects of the array as they come."""
        head, tail = bytearray(), bytearray()
        scanner: ObjectScanner | None = None
        async for piece in pieces:
            following = piece
            if scanner is None:
                head += piece
                if (begin := self._begin.search(head)) is None:
                    continue
                following = bytes(head[begin.end() :])
                del head[begin.end() :]
                scanner = ObjectScanner()
            if scanner.has_ended():
                tail += following
                continue
            for found, _, _ in scanner.feed(following):
                yield found
            if scanner.has_ended():
                tail += scanner.rest()
        self.rest = bytes(head) + bytes(tail).lstrip(b", \t\r\n")
