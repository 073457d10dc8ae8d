"""Character classes and the regular expressions that find words in raw text."""

import re
from unicodedata import category, normalize

_FIRST_MARK, _LAST_MARK = 0x300, 0x1E94B


def _combining_marks() -> str:
    """Give all combining marks as the inside of a character class.

    `re` does not count them as word characters, which would cut Hindi, Arabic, Thai and decomposed
    Latin words into pieces.
    """
    codes = (code for code in range(_FIRST_MARK, _LAST_MARK) if category(chr(code)).startswith("M"))
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in spans)


# Soft hyphen, zero-width (non-)joiner: inside a word they are invisible and dropped later.
GLUE = "\u00ad\u200c\u200d"
MARKS = _combining_marks()
# Han, kana, hangul, bopomofo, Thai, Lao, Khmer, Burmese.
BIGRAM_LETTERS = (
    "\u0e01-\u0e4e\u0e81-\u0edf\u1000-\u103f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007\u3031-\u3035\u3041-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)

# A word, with single joiners between its parts ("node.js", "PROJ-1234", "user's", "R&D"), an optional
# leading dot (".NET") and an optional trailing sign ("C++17", "C#"). The joiners share no character
# with the parts, so matching is linear.
_SIGN = r"(?:\+\+\d*|#(?!\w))?"
_DOT_NET = r"(?:(?<!\w)\.(?=(?:NET|Net|net)\b))?"
WORD_ASCII = re.compile(rf"{_DOT_NET}\w+(?:[-./:&']\w+)*{_SIGN}", re.ASCII)
_JOINERS = "-./:&'\u2010\u2011\u2019\uff07\uff0d\uff0e\uff0f\uff1a\uff06"
WORD = re.compile(rf"{_DOT_NET}\w[\w{MARKS}{GLUE}]*(?:[{_JOINERS}]\w[\w{MARKS}{GLUE}]*)*{_SIGN}")

HAS_BIGRAM_LETTER = re.compile(f"[{BIGRAM_LETTERS}]")
# The common case, without combining marks: each character is a letter of its own, and in NFKC as it is.
PLAIN_BIGRAMS = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]{2,}")
SCRIPT_RUN = re.compile(f"(?P<bigrams>[{BIGRAM_LETTERS}][{BIGRAM_LETTERS}{MARKS}]*)|[^{BIGRAM_LETTERS}]+")
# One letter with its combining marks: what a reader sees as one character.
LETTER = re.compile(f".[{MARKS}]*", re.DOTALL)

_JOINER_FORMS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2019": "'"} | dict.fromkeys(map(ord, GLUE)))

_LATIN_OR_GREEK_ACCENT = re.compile("(?<=[a-z\u03b1-\u03c9\u0300-\u036f])[\u0300-\u036f]+")
# Letters whose accent is not a combining mark, so that decomposition does not reach them.
_UNACCENTED = str.maketrans(
    {"\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u0127": "h",
     "\u0131": "i", "\u00f0": "d", "\u00fe": "th", "\u0451": "\u0435"},
)  # fmt: skip


def words_of(text: str) -> re.Pattern[str]:
    """Choose the word pattern for a text: the ASCII one finds the same words, faster."""
    return WORD_ASCII if text.isascii() else WORD


def compatible(word: str) -> str:
    """Normalise a word to NFKC, plain joiners, and no invisible characters."""
    return word if word.isascii() else normalize("NFKC", word).translate(_JOINER_FORMS)


def plain_bigrams(word: str) -> str:
    """Give a word in NFKC if it is written without blanks, each character a letter of its own; else nothing."""
    if word.isascii():
        return ""
    if PLAIN_BIGRAMS.fullmatch(word):
        return word
    run = compatible(word)
    return run if PLAIN_BIGRAMS.fullmatch(run) else ""


def folded(word: str) -> str:
    """Case-fold a word, keeping it in NFKC."""
    return word.lower() if word.isascii() else normalize("NFKC", word.casefold())


def unaccented(word: str) -> str:
    """Take the accents off Latin and Greek letters of a case-folded word.

    People type "Muller" and "resume" for "Müller" and "résumé". Marks of other scripts are letters in
    their own right and stay; of Cyrillic only the optional dots of "ё" go.
    """
    if word.isascii():
        return word
    bare = _LATIN_OR_GREEK_ACCENT.sub("", normalize("NFD", word.translate(_UNACCENTED)))
    return normalize("NFC", bare)
