"""A text by the stretches between its blanks: where each begins and which terms it holds.

Looking for a few terms in it is several times faster than going through all tokens: of the same stretch the terms are
known from before, and only those that hold one of them are taken apart.
"""

from collections.abc import Collection
from functools import cached_property

from app.text.tokeniser import Token, Tokeniser


class TextLayout:
    """One text as a tokeniser sees it.

    Parameters
    ----------
    text
        As it was indexed.
    tokeniser
        The tokeniser of the index.

    Attributes
    ----------
    shouted
        Whether it is a sentence in capitals: its words can only be told apart together.
    stretches
        What stands between blanks, in order.
    """

    def __init__(self, text: str, tokeniser: Tokeniser) -> None:
        self.text = text
        self.tokeniser = tokeniser
        self.shouted = tokeniser.is_shouted(text)
        self.stretches = text.split()

    def tokens(self) -> list[Token]:
        """Give all tokens of the text."""
        return list(self.tokeniser.tokens(self.text))

    def tokens_at(self, place: int) -> list[Token]:
        """Give the tokens of the stretch at a place, unless the text is shouted."""
        return self.tokeniser.tokens_at(self.stretches[place], self._starts[place])

    def holding(self, wanted: Collection[int]) -> dict[str, frozenset[int]]:
        """Give the distinct stretches that hold some of the terms, and which."""
        ids = frozenset(wanted)
        return {stretch: ids.intersection(held) for stretch, held in self._ids.items() if not ids.isdisjoint(held)}

    def occurrences(self, wanted: Collection[int]) -> list[Token]:
        """Find the indexed tokens whose id is wanted, in order."""
        if self.shouted:
            return [token for token in self.tokens() if token.id in wanted and not token.stop]
        holding = self.holding(wanted)
        return [
            token
            for place, stretch in enumerate(self.stretches)
            if stretch in holding
            for token in self.tokens_at(place)
            if token.id in wanted and not token.stop
        ]

    @cached_property
    def _ids(self) -> dict[str, tuple[int, ...]]:
        return self.tokeniser.ids_by_stretch(self.stretches)

    @cached_property
    def _starts(self) -> list[int]:
        starts: list[int] = []
        index, end = self.text.index, 0
        for stretch in self.stretches:
            start = index(stretch, end)
            starts.append(start)
            end = start + len(stretch)
        return starts
