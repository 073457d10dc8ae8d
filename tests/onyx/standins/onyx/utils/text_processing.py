"""Onyx's cleaning of text."""

import re

_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def remove_invalid_unicode_chars(text: str) -> str:
    return _INVALID.sub("", text)
