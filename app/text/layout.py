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
        stretch = self.stretches[place]
        return self.tokeniser.tokens_at(stretch, self._ends[place] - len(stretch))

    def places(self, wanted: Collection[int]) -> list[int]:
        """Give the places of the stretches that hold some of the terms."""
        alien = frozenset(wanted).isdisjoint
        return [place for place, held in enumerate(self.ids) if not alien(held)]

    def occurrences(self, wanted: Collection[int]) -> list[Token]:
        """Find the indexed tokens whose id is wanted, in order."""
        if self.shouted:
            return [token for token in self.tokens() if token.id in wanted and not token.stop]
        return [
            token
            for place in self.places(wanted)
            for token in self.tokens_at(place)
            if token.id in wanted and not token.stop
        ]

    @cached_property
    def ids(self) -> list[tuple[int, ...]]:
        """The ids of the terms of each stretch, unless the text is shouted."""
        return list(self.tokeniser.ids_of_each(self.stretches))

    @cached_property
    def _ends(self) -> list[int]:
        index, end = self.text.index, 0
        return [end := index(stretch, end) + len(stretch) for stretch in self.stretches]
