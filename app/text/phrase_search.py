"""Find phrases in whole texts: only what lies around the rarest word of a phrase is taken apart."""

from collections.abc import Sequence
from itertools import chain

from app.text.phrases import MAX_MATCHES, Phrase, phrase_spans
from app.text.tokeniser import Token, Tokeniser


def find_phrase(text: str, tokeniser: Tokeniser, phrase: Phrase, slop: int = 0) -> list[tuple[int, int]]:
    """Find a phrase in a text; `phrases.phrase_spans` of all its tokens finds the same, for several times the work.

    Parameters
    ----------
    text, tokeniser
        The text as it was indexed, and the tokeniser of the index.
    phrase, slop
        As for `phrases.phrase_spans`.

    Returns
    -------
    list[tuple[int, int]]
        Spans in the text, in order, at most ``MAX_MATCHES``.
    """
    if not phrase.required or tokeniser.is_shouted(text):
        return phrase_spans(tokeniser.tokens(text), phrase, slop)
    stretches = text.split()
    anchors = _anchors(tokeniser, stretches, phrase.required)
    reach = len(phrase.steps) + slop
    if len(anchors) * reach > len(stretches):  # nearly all of the text is near one
        return phrase_spans(tokeniser.tokens(text), phrase, slop)
    parts = _parts(text, tokeniser, stretches, anchors, reach)
    return list(chain.from_iterable(phrase_spans(part, phrase, slop) for part in parts))[:MAX_MATCHES]


def _anchors(tokeniser: Tokeniser, stretches: Sequence[str], required: Sequence[int]) -> list[int]:
    """Give the places of the stretches with the term that fewest have; none where a term is missing."""
    places: dict[int, list[int]] = {term: [] for term in required}
    wanted = places.keys()
    present = {stretch: wanted & tokeniser.ids_of(stretch) for stretch in set(stretches)}
    present = {stretch: terms for stretch, terms in present.items() if terms}
    for place, stretch in enumerate(stretches):
        for term in present.get(stretch, ()):
            places[term].append(place)
    return min(places.values(), key=len)


def _parts(
    text: str, tokeniser: Tokeniser, stretches: Sequence[str], anchors: Sequence[int], reach: int
) -> list[list[Token]]:
    """Give the tokens of every part of a text that has as many steps before and after an anchor as are in reach."""
    starts = _starts(text, stretches)
    tokens: dict[int, list[Token]] = {}

    def steps(place: int) -> int:
        if place not in tokens:
            tokens[place] = tokeniser.tokens_at(stretches[place], starts[place])
        return sum(token.step for token in tokens[place])

    for anchor in anchors:
        for way in (range(anchor - 1, -1, -1), range(anchor + 1, len(stretches))):
            away = 0
            steps(anchor)
            for place in way:
                away += steps(place)
                if away >= reach:
                    break
    parts: list[list[Token]] = []
    for place in sorted(tokens):
        if place - 1 not in tokens:
            parts.append([])
        parts[-1] += tokens[place]
    return parts


def _starts(text: str, stretches: Sequence[str]) -> list[int]:
    starts: list[int] = []
    end = 0
    for stretch in stretches:
        start = text.index(stretch, end)
        starts.append(start)
        end = start + len(stretch)
    return starts
