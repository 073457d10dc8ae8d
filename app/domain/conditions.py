"""Writes that hold only while a document is as its writer saw it (RFC 9110, section 13)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Flaw, InvalidRequestError, PreconditionFailedError
from app.domain.keys import document_key

_TAGS = re.compile(r'\s*(?:(W/)?"([\x21\x23-\x7e]*)"\s*(?:,\s*|$))')
_HEADER = "If-Match"


@dataclass(frozen=True, slots=True)
class Expected:
    """The states a document may be in for a write to happen; None is any, as long as it is there."""

    document_id: str
    tags: frozenset[str] | None

    @property
    def key(self) -> UUID:
        """The key it is stored under."""
        return document_key(self.document_id)

    def check(self, tag: str | None) -> None:
        """Hold what is stored against it; None is no document.

        Raises
        ------
        PreconditionFailedError
            The document is not there, or in another state.
        """
        if tag is None:
            raise PreconditionFailedError(f'There is no document "{self.document_id}" any more.')
        if self.tags is not None and tag not in self.tags:
            raise PreconditionFailedError(
                f'The document "{self.document_id}" is no longer as you saw it: read it again.'
            )


def expected(header: str | None, document_ids: Iterable[str]) -> Expected | None:
    """Read what a write of one document expects; None if it expects nothing.

    Raises
    ------
    InvalidRequestError
        The header is none of entity tags, or the write is of several documents.
    """
    if header is None:
        return None
    names = list(dict.fromkeys(document_ids))
    if len(names) != 1:
        raise _invalid("one_document", "It is about one document, and this write is not.")
    if header.strip() == "*":
        return Expected(names[0], None)
    place, tags = 0, set[str]()
    while place < len(header):
        found = _TAGS.match(header, place)
        if found is None:
            raise _invalid("entity_tags", 'Entity tags are quoted, as the header ETag has them: "4f1c…".')
        if found[1] is None:  # weak ones never match
            tags.add(found[2])
        place = found.end()
    return Expected(names[0], frozenset(tags))


def _invalid(code: str, detail: str) -> InvalidRequestError:
    return InvalidRequestError("The header If-Match cannot be followed.", [Flaw("", code, detail, _HEADER)])
