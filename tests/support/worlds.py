"""Documents and filters for property tests: few words, so that they meet; odd ones, so that they hurt."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

IDS = ("https://x.io/a'b", "https://x.io/a_b", "x", "x/", "a/b", "ab", "naïve 文書 🙂", 'q"{},\\', "?a=1&b=2#c", "%2F")
ENTRIES = ("user_email:a@x.io", "group:eng", "group:Eng", "external_group:drive_1", "PUBLIC", "", "group:a,b", "{NULL}")
SETS = ("Legal", "legal", "HR's", "", 'a"b\\c')
SOURCES = ("web", "slack", "user_file")
NUMBERS = (0, 1, -7, 2**63 - 1)
KEYS = ("k", "k===v", "owner", "")
VALUES = ("v", "v===w", "V", "", "null")
OFFSETS = (-400.25, -120.5, -91.5, -88.5, -30.0, -1.0, 0.0)
ZONES = ("+00:00", "+05:30", "-08:00", "")


NOW = datetime.now(UTC).replace(microsecond=0)


def spelt(at: datetime, zone: str) -> str:
    """A time as text in a zone; without one it is UTC."""
    if not zone:
        return at.replace(tzinfo=None).isoformat()
    return at.astimezone(datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo).isoformat()


def instant(text: str | None) -> datetime | None:
    """Read such a text."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)


instants = st.builds(
    lambda days, microseconds: NOW + timedelta(days=days, microseconds=microseconds),
    st.sampled_from(OFFSETS),
    st.sampled_from((0, 1, 999_999)),
)
moments = st.builds(spelt, instants, st.sampled_from(ZONES))
accesses = st.fixed_dictionaries(
    {
        "public": st.booleans(),
        "entries": st.lists(st.sampled_from(ENTRIES), max_size=3, unique=True),
    }
)
metadata = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from(VALUES) | st.lists(st.sampled_from(VALUES), max_size=3), max_size=3
)
free_json = st.sampled_from((
    {}, {"n": 1}, {"n": 1.0, "b": True}, {"n": True}, {"o": {"p": [1, {"q": "r"}], "s": None}}, {"o": {"p": []}},
))  # fmt: skip
embeddings = st.sampled_from((
    [1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0], [-1, 0, 0, 0], [0, 0, 1e-6, 0], [3e5, 0, 0, 1e5], [0, 0, 0, 0],
))  # fmt: skip
chunks = st.lists(embeddings, min_size=1, max_size=3).map(
    lambda found: [{"chunk_index": n, "content": f"text {n}", "embedding": e} for n, e in enumerate(found)]
)


def some(values: tuple[Any, ...]) -> st.SearchStrategy[list[Any]]:
    """A few of some values."""
    return st.lists(st.sampled_from(values), max_size=3)


def document(document_id: str) -> st.SearchStrategy[Json]:
    """A document of that id, with some of what a document may have."""
    return st.fixed_dictionaries(
        {
            "id": st.just(document_id),
            "access": accesses,
            "chunks": chunks,
            "metadata": st.builds(lambda a, b: a | b, metadata, free_json),
        },
        optional={
            "hidden": st.booleans(),
            "source_type": st.sampled_from(SOURCES),
            "document_sets": some(SETS),
            "project_ids": some(NUMBERS),
            "persona_ids": some(NUMBERS),
            "hierarchy_node_ids": some(NUMBERS),
            "boost": st.sampled_from((-3, 0, 3)),
            "created_at": moments,
            "updated_at": moments,
        },
    )


@st.composite
def documents(draw: st.DrawFn, max_size: int = 8) -> list[Json]:
    """Some documents of different ids."""
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=max_size, unique=True))
    return [draw(document(name)) for name in names]


@st.composite
def time_ranges(draw: st.DrawFn) -> Json:
    """A range as the service takes it: not reversed."""
    bounds = sorted(draw(st.lists(instants, min_size=2, max_size=2)))
    start, end = (draw(st.none() | st.builds(spelt, st.just(bound), st.sampled_from(ZONES))) for bound in bounds)
    return {"start": start, "end": end}


CLAUSES: dict[str, st.SearchStrategy[Any]] = {
    "hidden": st.none() | st.booleans(),
    "source_type": some(SOURCES),
    "tags": st.lists(
        st.fixed_dictionaries({"key": st.sampled_from(KEYS), "value": st.sampled_from(VALUES)}), max_size=2
    ),
    "forced_document_sets": some(SETS),
    "document_sets": some(SETS),
    "document_ids": some(IDS),
    "hierarchy_node_ids": some(NUMBERS),
    "persona_id": st.none() | st.sampled_from(NUMBERS),
    "project_id": st.none() | st.sampled_from(NUMBERS),
    "created_at": time_ranges(),
    "updated_at": time_ranges(),
    "metadata": st.none() | free_json | metadata,
}
access_lists = st.none() | some(ENTRIES)


@st.composite
def filters(draw: st.DrawFn) -> Json:
    """A filter of a few clauses; what is left out is left out."""
    names = draw(st.lists(st.sampled_from(sorted(CLAUSES)), max_size=4, unique=True))
    return {name: draw(CLAUSES[name]) for name in names} | {"access_control_list": draw(access_lists)}
