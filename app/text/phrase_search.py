"""Find phrases in whole texts: only what lies around the rarest word of a phrase is taken apart."""

from collections.abc import Sequence
from itertools import chain

from app.text.layout import TextLayout
from app.text.phrases import MAX_MATCHES, Phrase, phrase_spans
from app.text.tokeniser import Token


def find_phrase(layout: TextLayout, phrase: Phrase, slop: int = 0) -> list[tuple[int, int]]:
    """Find a phrase in a text; `phrases.phrase_spans` of all its tokens finds the same, for several times the work.

    Parameters
    ----------
    layout
        The text.
    phrase, slop
        As for `phrases.phrase_spans`.

    Returns
    -------
    list[tuple[int, int]]
        Spans in the text, in order, at most ``MAX_MATCHES``.
    """
    if not phrase.required or layout.shouted:
        return phrase_spans(layout.tokens(), phrase, slop)
    anchors = _anchors(layout, phrase.required)
    if not anchors:
        return []
    reach = len(phrase.steps) + slop
    if len(anchors) * reach > len(layout.stretches):  # nearly all of the text is near one
        return phrase_spans(layout.tokens(), phrase, slop)
    parts = _parts(layout, anchors, reach)
    return list(chain.from_iterable(phrase_spans(part, phrase, slop) for part in parts))[:MAX_MATCHES]


def _anchors(layout: TextLayout, required: Sequence[int]) -> list[int]:
    """Give the places of the stretches with the term that fewest have; none where a term is missing."""
    places: dict[int, list[int]] = {term: [] for term in required}
    for place in layout.places(required):
        for term in places.keys() & layout.ids[place]:
            places[term].append(place)
    return min(places.values(), key=len)


def _parts(layout: TextLayout, anchors: Sequence[int], reach: int) -> list[list[Token]]:
    """Give the tokens of every part of a text that has as many steps before and after an anchor as are in reach."""
    tokens: dict[int, list[Token]] = {}

    def steps(place: int) -> int:
        if place not in tokens:
            tokens[place] = layout.tokens_at(place)
        return sum(token.step for token in tokens[place])

    for anchor in anchors:
        steps(anchor)
        for way in (range(anchor - 1, -1, -1), range(anchor + 1, len(layout.stretches))):
            away = 0
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
