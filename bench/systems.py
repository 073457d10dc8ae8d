"""What is measured: one interface for the service, for raw SQL and for its peers."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dataset import Dataset, Floats
from bench.selections import Selection, Selections

Ask = Callable[[Any], Any]
"""Sends a prepared question and waits for its answer: what is timed."""


@dataclass(frozen=True)
class Material:
    """What systems are filled with."""

    dataset: Dataset
    selections: Selections
    folder: Path


@dataclass(frozen=True)
class Filled:
    """What filling a system took, in seconds.

    Parameters
    ----------
    load
        Until every chunk was taken.
    build
        From then until its index answered; 0 where it builds while it loads.
    """

    load: float
    build: float = 0.0


class Target(ABC):
    """Something that can be asked."""

    name: str
    over: str
    """How it is reached: HTTP, SQL or in process."""

    @abstractmethod
    def session(self) -> Ask:
        """Open a connection for the use of one thread."""


class System(Target):
    """A system that answers nearest-neighbour questions under filters.

    Questions are prepared, and answers read, outside the clock.
    """

    efforts: tuple[int, ...] = ()
    """Settings from cheap to thorough; empty where the system chooses for itself."""

    @abstractmethod
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> Any:  # noqa: ANN401
        """Make a question of it, up to the bytes that are sent where that is possible."""

    @abstractmethod
    def read(self, answer: Any) -> list[int]:  # noqa: ANN401
        """Return the chunks of an answer, nearest first."""

    def set_effort(self, effort: int | None) -> None:
        """Choose a setting where it is one of the system and not of a question."""

    def close(self) -> None:
        """Stop what was started."""

    def workers(self) -> list[int]:
        """Return the processes whose processor time its answers cost; by default it is this one."""
        return [os.getpid()]

    def server(self) -> int | None:
        """Return the process that serves, for its memory; None where it is in this one or is PostgreSQL."""
        return None


@dataclass(frozen=True)
class Server:
    """A PostgreSQL with pgvector: its address, and how to list its processes."""

    dsn: str
    processes: Callable[[], list[int]]


class Peer(System):
    """A system that others made: it is filled here."""

    @abstractmethod
    def fill(self, material: Material) -> Filled:
        """Take all chunks, with their text and labels, and make them searchable."""


class ChangingPeer(Peer):
    """A peer whose changes of labels are measured as well."""

    @abstractmethod
    def change(self, document: int, value: int) -> None:
        """Change one label of a document's ten chunks, durably."""


def spoken(document: int) -> str:
    """Return the id of a document."""
    return f"https://example.com/documents/{document}"
