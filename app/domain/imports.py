"""An import, its slices and its pages, as they are counted and remembered."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from app.domain.documents import Chunk, Document, WriteMode, Writer
from app.domain.errors import ServiceError
from app.domain.indexes import Index
from app.domain.migration import SourceRow
from app.domain.replacement import ChunkKey, ChunkState

Outcome = Literal["imported", "unchanged", "superseded", "skipped", "quarantined"]
"""What became of a row: new here; here already and the same; its document was written anew meanwhile by
ordinary indexing, which wins; left out by rule; not to be taken, and kept with the reason."""

OUTCOMES: tuple[Outcome, ...] = ("imported", "unchanged", "superseded", "skipped", "quarantined")


class ImportBusyError(ServiceError):
    """Another process is at the same import."""

    code = "import_busy"


class ImportStoppedError(ServiceError):
    """An import could not go on; what it has written stays, and repeating the command takes it up again."""

    code = "import_stopped"


class SourceError(ServiceError):
    """What is imported from does not answer as it should."""

    code = "source_failed"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be taken, as the source gave it, and why."""

    code: str
    detail: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PageRow:
    """A row that was read, with its bytes in case it must be put aside."""

    row: SourceRow
    body: bytes


@dataclass(frozen=True, slots=True)
class PageEnd:
    """Where a slice stands after a page; finished says that there is no other."""

    position: str | None
    finished: bool


@dataclass(slots=True)
class PagePart:
    """What is written at once: as much of a page as that, or several small pages.

    Attributes
    ----------
    end
        Where the slice stands after it; None in the midst of a page.
    pages
        How many pages end in it, where ``end`` is set.
    size
        Bytes of its rows as the source gave them.
    """

    rows: list[PageRow] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    end: PageEnd | None = None
    pages: int = 1
    size: int = 0

    def keys(self) -> set[ChunkKey]:
        """Return the keys of all chunks in it."""
        return {(row.row.document.key, chunk.chunk_index) for row in self.rows for chunk in row.row.document.chunks}

    def join(self, following: "PagePart") -> None:
        """Take in a part that begins where this one ends."""
        self.rows += following.rows
        self.rejects += following.rejects
        self.counts.update(following.counts)
        self.end = following.end
        self.pages += following.pages
        self.size += following.size


@dataclass(frozen=True, slots=True)
class SliceState:
    """How far a slice has come: all before ``position`` is done. None is the beginning."""

    slice: int
    position: str | None = None
    pages: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    finished: bool = False

    def after(self, end: PageEnd, pages: int, counts: Mapping[str, int]) -> "SliceState":
        """Return the state after some more pages."""
        total = Counter(self.counts)
        total.update(counts)
        return SliceState(self.slice, end.position, self.pages + pages, dict(total), end.finished)


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way, as it stood when it was opened or taken up."""

    import_id: UUID
    index: Index
    mode: WriteMode
    resumed: bool
    expected_rows: int | None
    slices: tuple[SliceState, ...]


@dataclass(slots=True)
class Gathered:
    """Rows put together to documents, by writer; rows that repeat a chunk of another row are put aside."""

    groups: dict[Writer, dict[UUID, Document]] = field(default_factory=dict)
    rows: list[PageRow] = field(default_factory=list)
    repeated: list[PageRow] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def gather(rows: Iterable[PageRow]) -> Gathered:
    """Put rows together to documents. The first row of a document speaks for it; chunks are of all."""
    gathered = Gathered()
    known: dict[ChunkKey, Chunk] = {}
    for item in rows:
        document = item.row.document
        earlier = [known.get((document.key, chunk.chunk_index)) for chunk in document.chunks]
        if any(before is not None for before in earlier):
            if all(b is not None and _same(b, c) for b, c in zip(earlier, document.chunks, strict=True)):
                gathered.repeated.append(item)
            else:
                gathered.rejects.append(Reject("duplicate_chunk", "Another row has the same chunk.", item.body))
            continue
        known.update({(document.key, chunk.chunk_index): chunk for chunk in document.chunks})
        gathered.rows.append(item)
        group = gathered.groups.setdefault(item.row.written_by, {})
        first = group.get(document.key)
        whole = document if first is None else replace(first, chunks=first.chunks + document.chunks)
        group[document.key] = whole
    return gathered


def judge(
    rows: Sequence[PageRow],
    foreign: Collection[UUID],
    stored: Mapping[ChunkKey, ChunkState],
    mode: WriteMode,
) -> tuple[Counter[str], list[Reject]]:
    """Say what became of rows that were written.

    Parameters
    ----------
    foreign
        Documents of another writer, which were left alone.
    stored
        What was there of the documents before.
    """
    counts: Counter[str] = Counter()
    rejects: list[Reject] = []
    for item in rows:
        outcome = _outcome(item.row.document, foreign, stored, mode)
        counts[outcome] += 1
        if outcome == "quarantined":
            detail = "Another chunk is stored in its place, and what is there stays (--upsert would replace it)."
            rejects.append(Reject("chunk_differs", detail, item.body))
    return counts, rejects


def _outcome(
    document: Document, foreign: Collection[UUID], stored: Mapping[ChunkKey, ChunkState], mode: WriteMode
) -> Outcome:
    if document.key in foreign:
        return "superseded"
    found = [(chunk, stored.get((document.key, chunk.chunk_index))) for chunk in document.chunks]
    different = [state for chunk, state in found if state is not None and not _is_stored(chunk, state)]
    if different and mode == "create":
        return "quarantined"
    if different or not found or any(state is None for _, state in found):
        return "imported"
    return "unchanged"


def _same(one: Chunk, other: Chunk) -> bool:
    return one.payload_digest() == other.payload_digest() and one.embedding_digest() == other.embedding_digest()


def _is_stored(chunk: Chunk, state: ChunkState) -> bool:
    return state.payload == chunk.payload_digest() and state.embedding == chunk.embedding_digest()
