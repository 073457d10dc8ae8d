"""Rows of other engines, and what they share on their way to becoming documents of ours."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from app.domain.documents import Document, Writer
from app.domain.unicode import clean_json, clean_text, is_storable
from app.domain.vectors import HalfVector, to_half

Fields = Mapping[str, Any]

MAX_ID_BYTES = 4096
MAX_LABEL = 100_000
_MAX_INTEGER = 2**31 - 1
_MAX_NUMBER = 2**63 - 1
_TAG = "==="


class RowRejectedError(Exception):
    """A row cannot be taken: it goes to quarantine under a stable code, and the run goes on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class RowSkippedError(Exception):
    """A row is left out by rule, such as a large chunk: its text is in the regular ones too."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What a row says of its document, with its chunk or chunks; warnings name what had to be assumed."""

    document: Document
    warnings: tuple[str, ...] = ()
    written_by: Writer = "import"


@dataclass(frozen=True, slots=True)
class RealIds:
    """Original ids by the spelling Vespa has of them, with ``'`` as ``_``.

    An ambiguous spelling is also the id of another document, or that of two.
    """

    originals: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, stored: str) -> str:
        """Return the original of an id.

        Raises
        ------
        RowRejectedError
            It could be the spelling of several.
        """
        if (several := self.ambiguous.get(stored)) is not None:
            raise RowRejectedError("ambiguous_id", f"The id may mean any of {list(several)}.")
        return self.originals.get(stored, stored)


def real_ids(quoted: Iterable[str], existing: Collection[str]) -> RealIds:
    """Find the originals of sanitised ids.

    Parameters
    ----------
    quoted
        All real ids with ``'`` in them.
    existing
        Which of their sanitised spellings are real ids themselves; others in it do no harm.
    """
    spellings: dict[str, set[str]] = {}
    for name in quoted:
        spellings.setdefault(sanitised(name), set()).add(name)
    for name, meant in spellings.items():
        if name in existing:
            meant.add(name)
    return RealIds(
        {stored: next(iter(meant)) for stored, meant in spellings.items() if len(meant) == 1},
        {stored: tuple(sorted(meant)) for stored, meant in spellings.items() if len(meant) > 1},
    )


def sanitised(name: str) -> str:
    """Spell an id as Vespa has it."""
    return name.replace("'", "_")


@dataclass(frozen=True, slots=True)
class RowRules:
    """What a row is held against: the index's dimension, the tenant it must bear, the real ids."""

    dimension: int
    source_tenant: str | None = None
    real_ids: RealIds = RealIds()


def document_id(value: object, ids: RealIds) -> str:
    """Read a document id and give it back its original spelling."""
    if not isinstance(value, str) or not value:
        raise RowRejectedError("document_id_missing", "The row has no document id.")
    name = ids.of(value)
    if not is_storable(name):
        raise RowRejectedError("document_id_invalid", "NUL or a lone surrogate is in the document id.")
    if len(name.encode()) > MAX_ID_BYTES:
        raise RowRejectedError("document_id_invalid", f"The document id has more than {MAX_ID_BYTES} bytes.")
    return name


def integer(fields: Fields, name: str, *, least: int = 0) -> int:
    """Read a required 32-bit integer; one written as 3.0 is 3."""
    value = fields.get(name)
    if value is None:
        raise RowRejectedError(f"{name}_missing", f"The row has no {name}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no number.")
    if not least <= value <= _MAX_INTEGER:
        raise RowRejectedError(f"{name}_invalid", f"{name} is {value}, out of range.")
    return int(value)


def text(fields: Fields, name: str) -> str:
    """Read a required text and clean it; what is empty is missing."""
    value = optional_text(fields, name)
    if not value:
        raise RowRejectedError(f"{name}_missing", f"The row has no {name}.")
    return value


def optional_text(fields: Fields, name: str) -> str | None:
    """Read a text and clean it."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no text.")
    return clean_text(value)


def label(fields: Fields, name: str) -> str | None:
    """Read a name that is compared as it is; empty is none."""
    value = fields.get(name)
    if value is None or not value:
        return None
    return _checked_label(value, name)


def labels(fields: Fields, name: str) -> tuple[str, ...] | None:
    """Read a list of names, or a weighted set: its keys. None when the row does not speak of it."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list | dict):
        raise RowRejectedError(f"{name}_invalid", f"{name} is neither a list nor a set.")
    return tuple(dict.fromkeys(_checked_label(item, name) for item in value))


def numbers(fields: Fields, name: str) -> tuple[int, ...]:
    """Read a list of 64-bit integers; a missing one is empty."""
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or any(
        isinstance(item, bool) or not isinstance(item, int) or not -_MAX_NUMBER - 1 <= item <= _MAX_NUMBER
        for item in value
    ):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no list of integers.")
    return tuple(value)


def moment(fields: Fields, name: str) -> datetime | None:
    """Read a time in seconds since 1970, UTC."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(math.floor(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no time in the years 1 to 9999.") from None


def flag(fields: Fields, name: str) -> bool:
    """Read a truth value; missing is false."""
    value = fields.get(name, False)
    if value is not None and not isinstance(value, bool):
        raise RowRejectedError(f"{name}_invalid", f"{name} is neither true nor false.")
    return bool(value)


def owners(fields: Fields, name: str) -> tuple[str, ...] | None:
    """Read a list of people; an empty one is none."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no list of texts.")
    return tuple(clean_text(item) for item in value) or None


def metadata(fields: Fields) -> dict[str, Any]:
    """Read ``metadata_list``: ``key===value``, split at the first ``===``; a repeated key makes a list."""
    value = fields.get("metadata_list")
    if value is None:
        return {}
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RowRejectedError("metadata_list_invalid", "metadata_list is no list of texts.")
    found: dict[str, Any] = {}
    for item in map(clean_text, value):
        key, separator, rest = item.partition(_TAG)
        if not separator:
            raise RowRejectedError("metadata_list_invalid", f"No {_TAG} is in the metadata {item[:100]!r}.")
        if key not in found:
            found[key] = rest
        elif isinstance(found[key], list):
            found[key].append(rest)
        else:
            found[key] = [found[key], rest]
    return found


def source_links(fields: Fields) -> dict[str, str] | None:
    """Read links, JSON in a text; "null" and "{}" are none."""
    value = fields.get("source_links")
    try:
        links = orjson.loads(value) if isinstance(value, str) and value else value
    except orjson.JSONDecodeError:
        raise RowRejectedError("source_links_invalid", "source_links is no JSON.") from None
    if not links:
        return None
    if not isinstance(links, dict) or not all(isinstance(link, str) for link in links.values()):
        raise RowRejectedError("source_links_invalid", "source_links are no links by offset.")
    cleaned: dict[str, str] = clean_json(links)
    return cleaned


def vector(value: object, name: str, dimension: int) -> HalfVector | None:
    """Read an embedding of finite numbers, integers among them, in a list or array; missing or empty is none.

    It is brought to half precision here, once: it is digested, averaged and copied so.
    """
    if value is None:
        return None
    if not isinstance(value, list | np.ndarray):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no list of numbers.")
    if not len(value):
        return None
    if len(value) != dimension:
        raise RowRejectedError(f"{name}_dimension", f"{name} has {len(value)} numbers, the index {dimension}.")
    try:
        with np.errstate(over="ignore"):
            read = np.array(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no list of numbers.") from None
    if read.shape != (dimension,):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no list of numbers.")
    try:
        return to_half(read)
    except ValueError:
        raise RowRejectedError(f"{name}_invalid", f"{name} has numbers that are not finite.") from None


def _checked_label(value: object, name: str) -> str:
    if not isinstance(value, str) or not is_storable(value):
        raise RowRejectedError(f"{name}_invalid", f"{name} holds what is no text PostgreSQL can store.")
    if len(value) > MAX_LABEL:
        raise RowRejectedError(f"{name}_invalid", f"{name} holds a text of {len(value)} characters.")
    return value
