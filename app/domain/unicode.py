"""The one place that knows which characters PostgreSQL and Onyx will not have.

Onyx cleans text the same way before it indexes (``remove_invalid_unicode_chars``): control characters
other than tab, line feed and carriage return, lone surrogates and non-characters go.
"""

import re
from typing import Any

_INVALID = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane << 16 | end) for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_INVALID_ASCII = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\r")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Remove what no text may contain; anything else is kept as it is."""
    if text.isascii():  # nearly all of it, and a hundred times cheaper to clean
        return text.encode().translate(None, _INVALID_ASCII).decode()
    return _INVALID.sub("", text)


def clean_json(value: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """Clean every string in a JSON value, keys included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text unchanged: neither NUL nor a lone surrogate is in it."""
    if text.isascii():  # a hundred times cheaper to look through
        return "\0" not in text
    return _UNSTORABLE.search(text) is None
