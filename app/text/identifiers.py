"""Split one word of raw text into the pieces people search for.

``UserService.getById`` is found by its whole, by ``getById``, by ``user`` and by ``service``; ``PROJ-1234``
by ``1234``; ``v2.13.1-rc2`` by ``2.13.1``; a Japanese sentence by any two neighbouring characters.
"""

import re
from collections.abc import Iterator
from enum import IntEnum, auto
from itertools import pairwise
from typing import NamedTuple

from app.text.scripts import HAS_BIGRAM_LETTER, LETTER, SCRIPT_RUN

# A wrapped base64 blob has hundreds of accidental "camelCase" humps; real names are shorter than this.
_LONGEST_CAMEL = 48
# Beyond this many parts a compound is a list or a dump rather than a name somebody would type.
_MOST_PARTS = 16

_UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0391-\u03a9\u0400-\u042f"
_LOWER = "a-z\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f"
# "userName", "HTTPServer", but not the plurals "PDFs" and "IDs".
CAMEL_HINT = re.compile(f"[{_LOWER}0-9][{_UPPER}]|[{_UPPER}]{{2}}(?!s(?![{_LOWER}]))[{_LOWER}]")
_HUMP = re.compile(
    f"[{_UPPER}]+(?:s(?![{_LOWER}]))?(?![{_LOWER}])[0-9]*|[{_UPPER}]?[{_LOWER}0-9]+|[^{_UPPER}{_LOWER}]+|.",
)
_SEGMENT = re.compile(r"[^-/:&]+")
_PART = re.compile(r"[^-/:&._+#]+")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_VERSION = re.compile(r"v(?=[0-9]+\.[0-9])", re.IGNORECASE)
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_SIGNED = re.compile(r"\.net|[a-z]#|[^#]*\+\+[0-9]*", re.IGNORECASE)
# Product names that end in ".NET" are found by ".NET" too; "example.net" is not.
_DOT_NET_PRODUCTS = frozenset({"ado.net", "asp.net", "ml.net", "vb.net"})


class Kind(IntEnum):
    """What a piece is, which decides how it becomes a term."""

    WORD = auto()  # a word of a language: stemmed, may be a stop word
    NAME = auto()  # a compound or a sign: taken as it stands
    CLITIC = auto()  # the "s" of "user's": never indexed


class Piece(NamedTuple):
    """A part of a word: its span within the word, its text, and whether it takes a place in a phrase."""

    start: int
    end: int
    text: str
    kind: Kind
    step: bool


def split_word(word: str, clitics: frozenset[str]) -> list[Piece]:
    """Split a word into steps (the finest parts, in order) and the names they make up.

    Parameters
    ----------
    word
        One match of the word pattern, in NFKC with plain joiners, in its own case.
    clitics
        What is dropped after an apostrophe, case-folded.

    Returns
    -------
    list[Piece]
        Steps in text order, each name before its steps. Linear in the length of the word.
    """
    if word.isascii() and word.isalnum() and not CAMEL_HINT.search(word):
        return [Piece(0, len(word), word, Kind.WORD, step=True)]
    if "'" not in word:
        return _compound(word, 0)
    pieces: list[Piece] = []
    start = 0
    for index, stretch in enumerate(word.split("'")):
        if index and stretch.lower() in clitics:
            pieces = _without_negation(pieces, stretch)
            pieces.append(Piece(start, start + len(stretch), stretch, Kind.CLITIC, step=True))
        elif stretch:
            pieces += _compound(stretch, start)
        start += len(stretch) + 1
    return pieces


def _without_negation(pieces: list[Piece], clitic: str) -> list[Piece]:
    """Take the auxiliary off "don't" and "isn't": what is left of it ("don") is no word."""
    if clitic.lower() != "t" or not pieces or not pieces[-1].text.lower().endswith("n"):
        return pieces
    return [*pieces[:-1], pieces[-1]._replace(kind=Kind.CLITIC)]


def _compound(word: str, offset: int) -> list[Piece]:
    """Give the compound as a whole, its dotted segments, and its parts."""
    if ("+" in word or "#" in word or word[0] == ".") and _SIGNED.fullmatch(word):
        return list(_signed(word, offset))
    parts = [(match.start(), match.group()) for match in _PART.finditer(word)]
    if not 1 < len(parts) <= _MOST_PARTS:
        return [piece for start, part in parts for piece in _part(part, offset + start)]
    pieces = [_name(offset, offset + len(word), word)]
    if word.lower() in _DOT_NET_PRODUCTS:
        pieces.append(Piece(offset, offset + len(word), ".net", Kind.NAME, step=False))
    place = 0
    for segment in _SEGMENT.finditer(word):
        start, end = segment.span()
        inner = segment.group()
        if inner != word and any(mark in inner.strip("._") for mark in "._"):
            pieces.append(_name(offset + start, offset + end, inner))
        while place < len(parts) and parts[place][0] < end:  # no part crosses from one segment to another
            first, part = parts[place]
            pieces += _part(part, offset + first)
            place += 1
    return pieces


def _signed(word: str, offset: int) -> Iterator[Piece]:
    """Give C++, C# and .NET as they stand, and the word in "Notepad++"."""
    yield Piece(offset, offset + len(word), word, Kind.NAME, step=True)
    bare = word.lstrip(".").rstrip("+#0123456789")
    if len(bare) > 1:
        start = offset + len(word) - len(word.lstrip("."))
        kind = Kind.NAME if len(_PART.findall(bare)) > 1 else Kind.WORD
        yield Piece(start, start + len(bare), bare, kind, step=False)
    if word.endswith(tuple("0123456789")):
        yield Piece(offset, offset + len(word), word.rstrip("0123456789"), Kind.NAME, step=False)


def _name(start: int, end: int, text: str) -> Piece:
    """Give a compound in one form: names as they stand, words in the form their spellings share.

    "e-mail" meets "email" and "U.S." meets "US"; a version loses its "v". Names with underscores, digits
    or slashes stay exact, as who types one means that one.
    """
    if _HYPHENATED.fullmatch(text) or _INITIALS.fullmatch(text):
        return Piece(start, end, text.replace("-", "").replace(".", ""), Kind.WORD, step=False)
    return Piece(start, end, _VERSION.sub("", text, count=1).strip("._"), Kind.NAME, step=False)


def _part(part: str, offset: int) -> list[Piece]:
    """Give the bigrams, camelCase humps or plain words of a part without joiners."""
    if part.isascii() or not HAS_BIGRAM_LETTER.search(part):
        return _camel(part, offset)
    pieces: list[Piece] = []
    for run in SCRIPT_RUN.finditer(part):
        pieces += (_bigrams if run["bigrams"] else _camel)(run.group(), offset + run.start())
    return pieces


def _camel(part: str, offset: int) -> list[Piece]:
    """Give the humps of a camelCase part and the part itself; or the part alone."""
    end = offset + len(part)
    if len(part) > _LONGEST_CAMEL or not CAMEL_HINT.search(part):
        return [Piece(offset, end, part, Kind.WORD, step=True)]
    humps = [
        Piece(offset + hump.start(), offset + hump.end(), hump.group(), Kind.WORD, step=True)
        for hump in _HUMP.finditer(part)
    ]
    return [Piece(offset, end, part, Kind.WORD, step=False), *humps]


def _bigrams(run: str, offset: int) -> list[Piece]:
    """Give each two neighbouring characters, or the only one."""
    letters = [match.span() for match in LETTER.finditer(run)]
    if len(letters) == 1:
        return [Piece(offset, offset + len(run), run, Kind.NAME, step=True)]
    return [
        Piece(offset + start, offset + end, run[start:end], Kind.NAME, step=True)
        for (start, _), (_, end) in pairwise(letters)
    ]
