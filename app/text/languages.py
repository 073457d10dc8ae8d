"""The languages of an index: which stemmer and which stop list each one uses."""

from dataclasses import dataclass

import Stemmer

from app.text.stopwords import stop_words

# Languages by the names PyStemmer gives them, with the ISO 639-1 code of their stop list.
_STEMMED = {
    "arabic": "ar", "armenian": "hy", "basque": "eu", "catalan": "ca", "czech": "cs", "danish": "da",
    "dutch": "nl", "english": "en", "esperanto": "eo", "estonian": "et", "finnish": "fi",
    "french": "fr", "german": "de", "greek": "el", "hindi": "hi", "hungarian": "hu",
    "indonesian": "id", "irish": "ga", "italian": "it", "lithuanian": "lt", "nepali": "ne",
    "norwegian": "no", "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro",
    "russian": "ru", "serbian": "sr", "sesotho": "st", "spanish": "es", "swedish": "sv", "tamil": "ta",
    "turkish": "tr", "yiddish": "yi",
}  # fmt: skip
# No stemmer: a stop list alone.
_LISTED = {
    "bengali": "bn", "bulgarian": "bg", "croatian": "hr", "galician": "gl", "hebrew": "he",
    "latvian": "lv", "malay": "ms", "slovak": "sk", "slovenian": "sl", "ukrainian": "uk", "urdu": "ur",
    "vietnamese": "vi",
}  # fmt: skip
# Written without blanks between words (or, in Korean, with endings glued on): bigrams, see `scripts`.
_BIGRAMS = {"burmese": "my", "chinese": "zh", "japanese": "ja", "khmer": "km", "korean": "ko", "lao": "lo",
            "thai": "th"}  # fmt: skip
_UNKNOWN = ("unknown", "other")

_CODES = {code: name for names in (_STEMMED, _LISTED, _BIGRAMS) for name, code in names.items()}
_STEMMERS = frozenset(Stemmer.algorithms())

SUPPORTED_LANGUAGES: tuple[str, ...] = tuple(
    sorted(name for name in (*_STEMMED, *_LISTED, *_BIGRAMS, *_UNKNOWN)),
)


@dataclass(frozen=True, slots=True)
class Language:
    """How words of one language are reduced to terms.

    Attributes
    ----------
    name
        One of `SUPPORTED_LANGUAGES`.
    stemmer
        Name of the Snowball algorithm, or None to leave words as they are.
    stop_words
        Case-folded words that are not indexed.
    clitics
        What may follow an apostrophe and says nothing: the "s" of "user's".
    accents_matter
        Whether the stemmer reads accents, so that they may only be taken off afterwards.
    """

    name: str
    stemmer: str | None
    stop_words: frozenset[str]
    clitics: frozenset[str]
    accents_matter: bool


# Their stemmers know no accents, so these go first: "résumés" and "resumes" must meet.
_UNACCENTED_STEMMERS = frozenset({"english", "indonesian", "sesotho"})
_ENGLISH_CLITICS = frozenset({"d", "ll", "m", "re", "s", "t", "ve"})


def language_named(name: str) -> Language:
    """Find a language by its name or ISO 639-1 code, whatever the case.

    Parameters
    ----------
    name
        ``english``, ``en``, ``pt-BR``, ``unknown``, ...

    Returns
    -------
    Language
        Its stemmer and stop list.

    Raises
    ------
    ValueError
        When the language is not one of `SUPPORTED_LANGUAGES`.
    """
    wanted = name.strip().lower()
    wanted = _CODES.get(wanted.replace("_", "-").split("-")[0], wanted)
    if wanted not in SUPPORTED_LANGUAGES:
        raise ValueError(f"unsupported language {name!r}; one of {', '.join(SUPPORTED_LANGUAGES)}")
    return Language(
        name=wanted,
        stemmer=wanted if wanted in _STEMMED and wanted in _STEMMERS else None,
        stop_words=stop_words(_STEMMED.get(wanted) or _LISTED.get(wanted)),
        clitics=_ENGLISH_CLITICS if wanted == "english" else frozenset(),
        accents_matter=wanted not in _UNACCENTED_STEMMERS,
    )
