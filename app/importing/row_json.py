"""Rows parsed with their tensors as arrays: no Python number is made of a tensor's thousands.

simdjson parses numbers into a buffer that numpy reads. What it refuses, such as NaN or lone surrogates, the
slower parsers of `source` look at; and everything where Python is newer than simdjson's wheels.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from app.domain.migration import Fields
from app.importing.source import load_object

simdjson: Any = import_module("simdjson") if find_spec("simdjson") else None

_SCALARS = frozenset((str, int, float, bool, type(None)))


class RowParser:
    """Parses the rows of one source.

    Parameters
    ----------
    name
        The object in a row that holds its fields.
    tensors
        The fields that are tensors, or vectors.
    """

    def __init__(self, name: str, *tensors: str) -> None:
        self._name = name
        self._tensors = frozenset(tensors)
        self._parser = None if simdjson is None else simdjson.Parser()

    def fields(self, body: bytes) -> Fields:
        """Parse a row; vectors of numbers come as arrays of float64.

        Raises
        ------
        RowRejectedError
            It is no JSON, or has no such object.
        """
        if self._parser is None:
            return load_object(body, self._name)
        try:
            return self._quickly(self._parser.parse(body))
        except (ValueError, RuntimeError, LookupError, TypeError):
            return load_object(body, self._name)

    def _quickly(self, row: Any) -> Fields:  # noqa: ANN401  JSON
        fields = row[self._name]  # of a row that is no object this raises
        return {key: (_tensor if key in self._tensors else _plain)(fields[key]) for key in fields}


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    if type(value) in _SCALARS:  # most of it; to ask simdjson's types takes three times as long
        return value
    return value.as_list() if isinstance(value, simdjson.Array) else value.as_dict()


def _tensor(value: Any) -> Any:  # noqa: ANN401  JSON
    """Read a tensor in any of its forms: the numbers are in arrays, at most some objects deep."""
    if isinstance(value, simdjson.Object):
        return {key: _tensor(value[key]) for key in value}
    if not isinstance(value, simdjson.Array):
        return value
    if len(value) and isinstance(value[0], int | float):
        try:
            numbers = np.frombuffer(value.as_buffer(of_type="d"))
        except TypeError:
            return value.as_list()  # not only numbers
        if len(numbers) == len(value):  # else numbers were nested, and came out flat
            return numbers
    return value.as_list()
