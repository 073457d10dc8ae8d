"""Why somebody can or cannot see a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "document_not_found",
    "hidden",
    "public",
    "entry_matched",
    "no_access_list",
    "access_list_empty",
    "no_entry_matched",
]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What speaks for and against it.

    Attributes
    ----------
    visible
        What follows from what is stored.
    reasons
        Everything that was weighed.
    matched_entries
        What the access list and the document have in common.
    public, hidden, entries_count
        Of the document; None where there is none.
    found_by_search
        Whether the filter that searches use lets it through.
    """

    visible: bool
    reasons: tuple[Reason, ...]
    matched_entries: tuple[str, ...]
    public: bool | None
    hidden: bool | None
    entries_count: int | None
    found_by_search: bool


def explain(
    asked: Sequence[str] | None, *, public: bool, hidden: bool, entries: Sequence[str], found_by_search: bool
) -> Explanation:
    """Weigh what is stored of a document against an access list; None asks without one."""
    named = set(entries)
    matched = tuple(entry for entry in dict.fromkeys(asked or ()) if entry in named)
    reasons: list[Reason] = ["hidden"] if hidden else []
    if asked is None:
        reasons.append("no_access_list")
    if public:
        reasons.append("public")
    if matched:
        reasons.append("entry_matched")
    readable = asked is None or public or bool(matched)
    if not readable:
        reasons.append("no_entry_matched" if asked else "access_list_empty")
    return Explanation(readable and not hidden, tuple(reasons), matched, public, hidden, len(named), found_by_search)


NOT_THERE = Explanation(
    visible=False,
    reasons=("document_not_found",),
    matched_entries=(),
    public=None,
    hidden=None,
    entries_count=None,
    found_by_search=False,
)
