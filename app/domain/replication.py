"""Standbys: how far behind one may be, and what it may be asked."""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.errors import Flaw, InvalidRequestError

_POSITION = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class ServerPosition:
    """Where a server stands in the write-ahead log, in bytes, and which server it is."""

    in_recovery: bool
    position: int
    timeline: int | None
    system_identifier: int
    started: datetime


@dataclass(slots=True)
class PrimaryTrack:
    """Where the primary was at which time: what a standby's position is held against.

    Unlike the time of the last replayed commit this does not grow while nobody writes, and needs no clock but ours.
    """

    now: ServerPosition | None = None
    _places: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def note(self, found: ServerPosition, at: float) -> None:
        """Note where the primary is; another primary begins anew."""
        if self.now is None or (self.now.started, self.now.timeline) != (found.started, found.timeline):
            self._places.clear()
        self.now = found
        if not self._places or self._places[-1][1] != found.position:
            self._places.append((at, found.position))

    def lag(self, position: int, at: float) -> float:
        """Return the seconds since the primary was first seen ahead of a position; 0 if it never was."""
        lag = 0.0
        for seen, place in reversed(self._places):
            if place <= position:
                break
            lag = at - seen
        return lag

    def objection(self, standby: ServerPosition) -> str | None:
        """Say why a server is no standby of the primary, or not the primary itself."""
        primary = self.now
        if primary is None:
            return None
        if standby.system_identifier != primary.system_identifier:
            return "another cluster"
        if standby.in_recovery:
            behind = standby.timeline is not None and standby.timeline != primary.timeline
            return "another timeline" if behind else None
        return None if standby.started == primary.started else "a primary of its own"


def parse_position(text: str, header: str) -> int:
    """Read a place in the log as PostgreSQL writes it, such as 16/B374D848.

    Raises
    ------
    InvalidRequestError
        It is none.
    """
    found = _POSITION.fullmatch(text)
    if found is None:
        raise InvalidRequestError(
            "A place in the write-ahead log is written as 16/B374D848.",
            [Flaw("", "pattern", "Send what the write answered.", header)],
        )
    return (int(found[1], 16) << 32) | int(found[2], 16)


def format_position(position: int) -> str:
    """Write a place in the log as PostgreSQL does."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
