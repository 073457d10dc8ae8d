"""Long access control lists: validated once, and recognised by their digest when they come again.

To validate 50,000 entries takes longer than to search under them. What stands where is still pydantic's to say: the
list is cut out of the body, something that nobody can guess is put in its place, and where that turns up in the
validated body is where the list was.
"""

import re
import secrets
from collections import OrderedDict
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.api.schemas.fields import Labels
from app.api.schemas.search import FiltersBody
from app.domain.entries import WrittenEntries

_LONG = 16_384
"""Bytes of a body from which on it is worth it."""

_REMEMBERED = 4_096
_MOST_BRACKETS = 1_000
"""Brackets that are looked at for the end of a list; names with more of them are validated every time."""

_NAME = b'"access_control_list"'
_BEGIN = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*(?=\[)")
_SPACE = b" \t\r\n"
_BEFORE_END = b'"['

_LABELS: TypeAdapter[list[str]] = TypeAdapter(Labels, config=ConfigDict(cache_strings="keys"))

BodyT = TypeVar("BodyT", bound=BaseModel)


class LongLists:
    """The lists that were found valid, by digest."""

    def __init__(self) -> None:
        self._valid: OrderedDict[bytes, None] = OrderedDict()

    def read(self, model: type[BodyT], data: bytes) -> BodyT | None:
        """Validate a body without its access control list, if that is long and valid; None: validate all of it.

        Parameters
        ----------
        model
            Of the body.
        data
            JSON.
        """
        if len(data) < _LONG or not _has_filters(model):
            return None
        place = _place(data)
        if place is None:
            return None
        entries = self._entries(data[place])
        if entries is None:
            return None
        stand_in = secrets.token_hex(16)
        short = b'%b["%b"]%b' % (data[: place.start], stand_in.encode(), data[place.stop :])
        try:
            body = model.model_validate_json(short)
        except ValidationError:  # all of it is validated, so that places and values are those that came
            return None
        filters: FiltersBody = getattr(body, "filters")  # noqa: B009  of a model that is not known here
        if filters.access_control_list != [stand_in]:
            return None
        filters.put_entries(entries)
        return body

    def _entries(self, written: bytes) -> WrittenEntries | None:
        digest = sha256(written).digest()
        if digest in self._valid:
            self._valid.move_to_end(digest)
            return WrittenEntries(written, digest)
        try:
            read = tuple(_LABELS.validate_json(written))
        except ValidationError:
            return None
        self._valid[digest] = None
        if len(self._valid) > _REMEMBERED:
            self._valid.popitem(last=False)
        return WrittenEntries(written, digest, read)


def _has_filters(model: type[BaseModel]) -> bool:
    field = model.model_fields.get("filters")
    return field is not None and field.annotation is FiltersBody


def _place(data: bytes) -> slice | None:
    """Find what looks like the list: from its bracket to the first that may end it."""
    name = data.find(_NAME)
    begin = _BEGIN.match(data, name + len(_NAME)) if name >= 0 else None
    if begin is None:
        return None
    end = begin.end()
    for _ in range(_MOST_BRACKETS):
        end = data.find(b"]", end) + 1
        if not end:
            return None
        before = end - 2
        while data[before] in _SPACE:
            before -= 1
        if data[before] in _BEFORE_END:
            return slice(begin.end(), end)
    return None
