"""Stop lists: words too common to tell one document from another.

Losing a content word makes documents unfindable, while keeping a function word costs little, because
its inverse document frequency is near zero. So the lists are kept short on purpose.
"""

from functools import cache
from unicodedata import normalize

import stopwordsiso

# Stopwords ISO merges many lists and its English one (1,298 entries) holds "computer", "index",
# "microsoft" and "system", which people search for. These are function words only.
_ENGLISH = """
    a about above after again against all am an and any are as at be because been before being below
    between both but by can cannot could did do does doing down during each few for from further had has
    have having he her here hers herself him himself his how i if in into is it its itself just me might
    more most must my myself no nor not of off on once only or other our ours ourselves out over own same
    shall she should so some such than that the their theirs them themselves then there these they this
    those through to too under until up upon us very was we were what when where which while who whom whose
    why will with would you your yours yourself yourselves
"""

# Longer lists than this were merged from several sources and hold everyday nouns and verbs
# (Russian "city", Italian "buy"); of those only the short words are taken.
_CURATED_SIZE = 300
_SHORT_WORD = 4


@cache
def stop_words(code: str | None) -> frozenset[str]:
    """Give the stop list of a language.

    Parameters
    ----------
    code
        ISO 639-1 code, or None for no list.

    Returns
    -------
    frozenset[str]
        Case-folded single words in NFKC; empty for a language without a list.
    """
    if code is None:
        return frozenset()
    if code == "en":
        return frozenset(_ENGLISH.split())
    listed = stopwordsiso.stopwords(code)
    longest = _SHORT_WORD if len(listed) > _CURATED_SIZE else max(map(len, listed), default=0)
    folded = (normalize("NFKC", word.casefold()) for word in listed if len(word) <= longest)
    return frozenset(word for word in folded if word and not any(letter.isdigit() for letter in word))
