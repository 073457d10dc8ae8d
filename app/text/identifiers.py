"""Split one word of raw text into the pieces people search for.

``UserService.getById`` is found by its whole, by ``getById``, by ``user`` and by ``service``; ``PROJ-1234``
by ``1234``; ``v2.13.1-rc2`` by ``2.13.1``; a Japanese sentence by any two neighbouring characters.
"""

import re
from collections.abc import Iterator, Sequence
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
_JOINER = re.compile(r"[-/:&]")
_DOTTED = re.compile(r"[._]")
_PART = re.compile(r"[^-/:&._+#]+")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_VERSION = re.compile(r"v(?=[0-9]+\.[0-9])", re.IGNORECASE)
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_SIGNED = re.compile(r"\.net|[a-z]#|[^#]*\+\+[0-9]*", re.IGNORECASE)
# Product names that end in ".NET" are found by ".NET" too; "example.net" is not.
_DOT_NET_PRODUCTS = frozenset({"ado.net", "asp.net", "ml.net", "vb.net"})
_LONGEST_DOT_NET_PRODUCT = max(map(len, _DOT_NET_PRODUCTS))
# What stands around words and is never a part of them: all of ASCII but "+" and "#" of C++ and C#, and "_".
_AROUND_WORDS = "!\"$%&'()*,-./:;<=>?@[\\]^`{|}~"
# After a dot these are names.
_MAY_BE_DOT_NET = frozenset({"NET", "Net", "net"})


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
    step: bool = True


Cut = tuple[list[str], list[str], list[str]]
"""What a word is cut into: its steps, each a word of the language; compounds that are words as well, as "e-mail" is;
and compounds that stand as they are, none of which is also a step, since each holds a joiner."""


def plain_word(stretch: str) -> str:
    """Give the only word of a stretch, if it is one of ASCII letters and digits without humps; else nothing.

    That is what most stretches are, and what the patterns would find.
    """
    word = stretch.strip(_AROUND_WORDS) if stretch.isascii() else ""
    if not word.isalnum() or word in _MAY_BE_DOT_NET:
        return ""
    return word if word[1:].islower() or not CAMEL_HINT.search(word) else ""


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
        return [Piece(0, len(word), word, Kind.WORD)]
    if "'" not in word:
        return _compound(word, 0)
    pieces: list[Piece] = []
    start = 0
    for index, stretch in enumerate(word.split("'")):
        if index and stretch.lower() in clitics:
            pieces = _without_negation(pieces, stretch)
            pieces.append(Piece(start, start + len(stretch), stretch, Kind.CLITIC))
        elif stretch:
            pieces += _compound(stretch, start)
        start += len(stretch) + 1
    return pieces


def cut_word(word: str, clitics: frozenset[str]) -> Cut | None:
    """Cut a word of ASCII: what `split_word` finds, much faster.

    Returns
    -------
    Cut | None
        None where a sign or a negation is in the word, which are left to `split_word`.
    """
    if "'" in word:
        bare, _, clitic = word.partition("'")
        plain = bare.isalnum() and bare[1:].islower() and clitic.lower() in clitics and clitic.lower() != "t"
        return ([bare], [], []) if plain else None
    if word.isalnum():
        return _cut_humps([word], [], [])
    low = word.lower()
    if word[0] == "." or "+" in word or "#" in word or low in _DOT_NET_PRODUCTS:
        return None
    parts = _PART.findall(word)
    words: list[str] = []
    names: list[str] = []
    if 1 < len(parts) <= _MOST_PARTS:
        compounds = [word]
        if ("." in word or "_" in word) and _JOINER.search(word):
            compounds += [inner for inner in _SEGMENT.findall(word) if _DOTTED.search(inner.strip("._"))]
        for compound in compounds:
            form, is_word = _shared_form(compound)
            (words if is_word else names).append(form)
    return (parts, words, names) if low == word else _cut_humps(parts, words, names)


def _cut_humps(parts: Sequence[str], words: list[str], names: list[str]) -> Cut:
    """Cut parts at their humps, where they have any: such a part is a word as well."""
    steps: list[str] = []
    for part in parts:
        rest = part[1:]
        if rest.lower() == rest or len(part) > _LONGEST_CAMEL or not CAMEL_HINT.search(part):
            steps.append(part)
        else:
            words.append(part)
            steps += _HUMP.findall(part)
    return steps, words, names


def _without_negation(pieces: list[Piece], clitic: str) -> list[Piece]:
    """Take the auxiliary off "don't" and "isn't": what is left of it ("don") is no word."""
    if clitic.lower() != "t" or not pieces or not pieces[-1].text.lower().endswith("n"):
        return pieces
    return [*pieces[:-1], pieces[-1]._replace(kind=Kind.CLITIC)]


def _compound(word: str, offset: int) -> list[Piece]:
    """Give the compound as a whole, its dotted segments, and its parts."""
    if ("+" in word or "#" in word or word[0] == ".") and _SIGNED.fullmatch(word):
        return list(_signed(word, offset))
    parts = _PART.findall(word)
    if not 1 < len(parts) <= _MOST_PARTS:
        return _parts(word, parts, offset)
    pieces = [_name(offset, offset + len(word), word)]
    if len(word) <= _LONGEST_DOT_NET_PRODUCT and word.lower() in _DOT_NET_PRODUCTS:
        pieces.append(Piece(offset, offset + len(word), ".net", Kind.NAME, step=False))
    if not (_JOINER.search(word) and _DOTTED.search(word)):
        return pieces + _parts(word, parts, offset)
    for segment in _SEGMENT.finditer(word):
        start, inner = segment.start(), segment.group()
        if inner != word and _DOTTED.search(inner.strip("._")):
            pieces.append(_name(offset + start, offset + segment.end(), inner))
        pieces += _parts(inner, _PART.findall(inner), offset + start)
    return pieces


def _parts(word: str, parts: Sequence[str], offset: int) -> list[Piece]:
    """Give the pieces of the parts of a word, which stand in it one after another."""
    pieces: list[Piece] = []
    end = 0
    for part in parts:
        start = word.index(part, end)
        end = start + len(part)
        if part.isascii() and part[1:].islower():  # as most are
            pieces.append(Piece(offset + start, offset + end, part, Kind.WORD))
        else:
            pieces += _part(part, offset + start)
    return pieces


def _signed(word: str, offset: int) -> Iterator[Piece]:
    """Give C++, C# and .NET as they stand, and the word in "Notepad++"."""
    yield Piece(offset, offset + len(word), word, Kind.NAME)
    bare = word.lstrip(".").rstrip("+#0123456789")
    if len(bare) > 1:
        start = offset + len(word) - len(word.lstrip("."))
        kind = Kind.NAME if len(_PART.findall(bare)) > 1 else Kind.WORD
        yield Piece(start, start + len(bare), bare, kind, step=False)
    if word.endswith(tuple("0123456789")):
        yield Piece(offset, offset + len(word), word.rstrip("0123456789"), Kind.NAME, step=False)


def _name(start: int, end: int, text: str) -> Piece:
    form, is_word = _shared_form(text)
    return Piece(start, end, form, Kind.WORD if is_word else Kind.NAME, step=False)


def _shared_form(text: str) -> tuple[str, bool]:
    """Give a compound in the form that its spellings share, and whether that is a word of the language.

    "e-mail" meets "email" and "U.S." meets "US"; a version loses its "v". Names with underscores, digits
    or slashes stay exact, as who types one means that one.
    """
    if "-" in text and _HYPHENATED.fullmatch(text):
        return text.replace("-", ""), True
    if text[1] == "." and _INITIALS.fullmatch(text):
        return text.replace(".", ""), True
    if "." in text and ("v" in text or "V" in text):
        text = _VERSION.sub("", text, count=1)
    return text.strip("._"), False


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
    if part[1:].islower() or len(part) > _LONGEST_CAMEL or not CAMEL_HINT.search(part):
        return [Piece(offset, end, part, Kind.WORD)]
    humps = [
        Piece(offset + hump.start(), offset + hump.end(), hump.group(), Kind.WORD) for hump in _HUMP.finditer(part)
    ]
    return [Piece(offset, end, part, Kind.WORD, step=False), *humps]


def _bigrams(run: str, offset: int) -> list[Piece]:
    """Give each two neighbouring characters, or the only one."""
    letters = [match.span() for match in LETTER.finditer(run)]
    if len(letters) == 1:
        return [Piece(offset, offset + len(run), run, Kind.NAME)]
    return [
        Piece(offset + start, offset + end, run[start:end], Kind.NAME) for (start, _), (_, end) in pairwise(letters)
    ]
