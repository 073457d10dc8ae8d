"""Show where a text answers a query: fragments with the matches in ``<hi>`` tags.

The matches are found by the tokeniser that indexed the text, so what is marked is what was scored.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from app.text.layout import TextLayout
from app.text.phrase_search import find_phrase
from app.text.phrases import Phrase
from app.text.tokeniser import Tokeniser

FRAGMENTS = 4
FRAGMENT_CHARACTERS = 100

# A phrase in full is worth more than its words.
_PHRASE_BONUS = 3.0
# What a term still adds to a fragment once it has been shown.
_SHOWN_AGAIN = 0.2
# Marks considered: beyond, one more fragment of a long text is no better than the first ones.
_MOST_MARKS = 200


class _Mark(NamedTuple):
    """A span to put in tags, with what makes it worth showing: weights by term (or phrase) shown."""

    start: int
    end: int
    shows: Mapping[int, float]


def highlight(
    text: str,
    tokeniser: Tokeniser,
    weights: Mapping[int, float],
    phrases: Sequence[Phrase] = (),
) -> list[str]:
    """Cut the best fragments out of a text.

    Parameters
    ----------
    text
        The text as it was indexed.
    tokeniser
        The tokeniser of the index.
    weights
        Weight by term id; with idf as weight, fragments show the rare words first.
    phrases
        Phrases of the query: where one matches exactly it is marked as one and its fragment preferred.

    Returns
    -------
    list[str]
        At most ``FRAGMENTS``, in text order, not overlapping, each of at most ``FRAGMENT_CHARACTERS``
        characters of text, cut at blanks where there are some; empty when nothing matches. HTML-escaped but for the
        tags: without tags and escapes each is a substring of the text.
    """
    marks = _marks(text, tokeniser, weights, phrases)
    windows = _best_windows(marks)
    shown = []
    for place, (start, end) in enumerate(windows):
        low = windows[place - 1][1] if place else 0
        high = windows[place + 1][0] if place + 1 < len(windows) else len(text)
        left, right = _widen(text, (start, end), (low, high))
        windows[place] = (left, right)
        shown.append(_tagged(text, (left, right), marks))
    return shown


def _marks(
    text: str,
    tokeniser: Tokeniser,
    weights: Mapping[int, float],
    phrases: Sequence[Phrase],
) -> list[_Mark]:
    """Find what to mark, overlapping spans merged, in text order."""
    layout = TextLayout(text, tokeniser)
    found = layout.occurrences(weights)
    marks = [_Mark(token.start, token.end, {token.id: weights[token.id]}) for token in found]
    present = {token.id for token in found}
    bonus = _PHRASE_BONUS * max(weights.values(), default=1.0)
    sought = [phrase for phrase in phrases if present.issuperset(phrase.required)]
    for number, phrase in enumerate(sought):
        # Negative keys keep phrases apart from terms.
        marks += [_Mark(start, end, {-1 - number: bonus}) for start, end in find_phrase(layout, phrase)]
    merged: list[_Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        if merged and mark.start < merged[-1].end:
            last = merged[-1]
            end = min(max(last.end, mark.end), last.start + FRAGMENT_CHARACTERS)
            merged[-1] = _Mark(last.start, end, {**last.shows, **mark.shows})
        elif len(merged) < _MOST_MARKS:
            merged.append(mark._replace(end=min(mark.end, mark.start + FRAGMENT_CHARACTERS)))
    return merged


def _best_windows(marks: Sequence[_Mark]) -> list[tuple[int, int]]:
    """Choose spans of marks, one after the other, each for what it shows that is not shown yet."""
    windows = _windows(marks)
    chosen: list[tuple[int, int]] = []
    shown: set[int] = set()
    while windows and len(chosen) < FRAGMENTS:
        best = max(windows, key=lambda window: (_worth(window, shown), -window.start))
        chosen.append((best.start, best.end))
        shown.update(best.shows)
        windows = [window for window in windows if window.end <= best.start or window.start >= best.end]
    return sorted(chosen)


def _windows(marks: Sequence[_Mark]) -> list[_Mark]:
    """Give, from each mark on, the marks that fit in one fragment."""
    windows = []
    for place, first in enumerate(marks):
        end, shows = first.end, dict(first.shows)
        for mark in marks[place + 1 :]:
            if mark.end > first.start + FRAGMENT_CHARACTERS:
                break
            end = mark.end
            shows.update(mark.shows)
        windows.append(_Mark(first.start, end, shows))
    return windows


def _worth(window: _Mark, shown: set[int]) -> float:
    return sum(weight * (_SHOWN_AGAIN if key in shown else 1.0) for key, weight in window.shows.items())


def _widen(text: str, window: tuple[int, int], limits: tuple[int, int]) -> tuple[int, int]:
    """Fill a window up to the size with the text around it, cut at blanks."""
    start, end = window
    low, high = limits
    room = max(FRAGMENT_CHARACTERS - (end - start), 0)
    right = min(end + room - min(room // 2, start - low), high)
    left = max(low, start - (room - (right - end)))
    if left > 0 and not text[left - 1].isspace():
        blank = next((place for place in range(left, start) if text[place].isspace()), None)
        left = left if blank is None else blank
    if right < len(text) and not text[right].isspace():
        blank = next((place for place in range(right - 1, end - 1, -1) if text[place].isspace()), None)
        right = right if blank is None else blank
    while left < start and text[left].isspace():
        left += 1
    while right > end and text[right - 1].isspace():
        right -= 1
    return left, right


def _tagged(text: str, span: tuple[int, int], marks: Sequence[_Mark]) -> str:
    """Escape a stretch of text and put its marks in tags."""
    place, end = span
    pieces = []
    for mark in marks:
        if place <= mark.start < end:
            pieces.append(escape(text[place : mark.start]))
            place = min(mark.end, end)
            pieces.append(f"<hi>{escape(text[mark.start : place])}</hi>")
    pieces.append(escape(text[place:end]))
    return "".join(pieces)
