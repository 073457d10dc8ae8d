"""Taking objects out of JSON while it arrives, so that a page of any size is held one row at a time."""

import re
from collections.abc import AsyncIterable, AsyncIterator

import numpy as np

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _END = _MARKS = b'"\\{}]'
_MARKED = bytes(byte in _MARKS for byte in range(256))


class ObjectScanner:
    """Finds the outermost objects in JSON text that comes in pieces; every byte is looked at once.

    The marks that matter are found by one look-up of all bytes per piece: a vector of a thousand numbers costs
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
        found = [] if self._ended else self._walk(self._marks())
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

    def _marks(self) -> list[int]:
        """Find the marks outside of strings in what has not been looked at."""
        new = self._buffer[self._scanned :]
        places = np.flatnonzero(np.frombuffer(new.translate(_MARKED), dtype=np.bool_))
        if not len(places):
            return []
        kinds = np.frombuffer(new, dtype=np.uint8)[places]
        places += self._scanned
        escaped = [self._next - 1]  # by the last byte of the piece before, if it was a backslash
        for place in places[kinds == _BACKSLASH].tolist():
            if place >= self._next:
                escaped.append(place + 1)
                self._next = place + 2
        quotes = kinds == _QUOTE
        at = np.searchsorted(places[:-1], escaped)  # where each one is, if it is a mark at all
        quotes[at[places[at] == escaped]] = False
        inside = (np.cumsum(quotes) + self._in_string) & 1
        self._in_string = bool((np.count_nonzero(quotes) + self._in_string) & 1)
        found: list[int] = places[(inside == 0) & (kinds != _QUOTE)].tolist()
        return found

    def _walk(self, marks: list[int]) -> list[tuple[bytes, int, int]]:
        buffer, found = self._buffer, []
        for place in marks:
            mark = buffer[place]
            if mark == _OPEN:
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
