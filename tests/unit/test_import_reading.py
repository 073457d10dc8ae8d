"""Reading rows: JSON in pieces, ids put right, quarantine lines."""

import base64
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.migration import RowRejectedError, RowRules, real_ids
from app.domain.migration_vespa import read_row
from app.domain.verification import overlap, rank_correlation
from app.importing.json_stream import ArrayStream
from app.importing.quarantine import quarantine_line
from app.importing.row_json import RowParser
from app.importing.source import load_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('"\\{}[],: aé😀', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\{}]', max_size=3), inner, max_size=3),
    max_leaves=6,
)


async def pieces(text: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for start, end in pairwise(places):
        yield text[start:end]


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=5), st.lists(st.integers(0), max_size=9)
)
async def test_objects_are_found_wherever_the_pieces_are_cut(objects: list[dict[str, object]], cuts: list[int]) -> None:
    text = json.dumps({"pathId": "/x", "documents": objects, "documentCount": len(objects)}).encode()
    stream = ArrayStream("documents")
    found = [json.loads(body) async for body in stream.objects(pieces(text, cuts))]
    assert found == objects
    assert json.loads(stream.rest) == {"pathId": "/x", "documents": [], "documentCount": len(objects)}


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(0, 10_000))
async def test_a_page_that_breaks_off_is_not_taken_for_a_whole_one(cut: int) -> None:
    text = json.dumps({"documents": [{"a": "}]"}, {"b": [1]}], "continuation": "AB"}).encode()
    stream = ArrayStream("documents")
    broken = text[: cut % len(text)]
    found = [body async for body in stream.objects(pieces(broken, []))]
    assert all(json.loads(body) in ({"a": "}]"}, {"b": [1]}) for body in found)
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.rest)


def test_sanitised_ids_are_put_right_or_flagged() -> None:
    ids = real_ids(["it's", "a'b", "a'c", "x'y"], {"a_b", "unrelated"})
    assert ids.of("it_s") == "it's"
    assert ids.of("a_c") == "a'c"
    assert ids.of("plain_one") == "plain_one"
    with pytest.raises(RowRejectedError, match="a'b") as found:
        ids.of("a_b")
    assert found.value.code == "ambiguous_id"
    assert real_ids(["p'q", "p_'q".replace("_", "")], set()).of("p_q") == "p'q"
    with pytest.raises(RowRejectedError):
        real_ids(["m'n_", "m_n'"], set()).of("m_n_")


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b'{"other": 1}', b'{"fields": 3}', b"\xff{}"])
def test_what_is_no_row_says_so(body: bytes) -> None:
    with pytest.raises(RowRejectedError) as found:
        read_row(load_object(body, "fields"), RowRules(8))
    assert found.value.code == "unreadable_row"


def test_a_quarantine_line_keeps_the_row_as_it_was() -> None:
    line = quarantine_line("why", 'a "detail"', b' {"id": "x", "fields": {"a": 1.50}} ')
    assert line.endswith(b'"id": "x", "fields": {"a": 1.50}}\n')
    assert json.loads(line) == {"reason": "why", "detail": 'a "detail"', "id": "x", "fields": {"a": 1.5}}
    assert json.loads(quarantine_line("w", "d", b"{}")) == {"reason": "w", "detail": "d"}
    unreadable = json.loads(quarantine_line("w", "d", b'{"cut'))
    assert base64.b64decode(unreadable["bytes"]) == b'{"cut'


def test_rankings_are_compared() -> None:
    assert overlap("abcd", "abxy", 4) == 0.5
    assert overlap("", "", 10) == 1.0
    assert overlap("ab", "", 10) == 0.0
    assert rank_correlation("abcd", "abcd") == 1.0
    assert rank_correlation("abcd", "dcba") == -1.0
    assert rank_correlation("axby", "ab") == 1.0
    assert rank_correlation("ab", "bc") is None


@pytest.mark.parametrize(
    "tensor",
    [
        "[1,2.5,-3,0.1,1e-8,7,8,9]", "[1,2]", "[]", "null", "[1,null]", '[1,"a"]', "[true,1]", "[[1,2],[3,4]]",
        "[NaN,1]", "[1e999,1]", "[18446744073709551616,1]", "[1.0e-320,3]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["%s", '{"full_chunk":%s}', '{"type":"t","blocks":[{"address":{},"values":%s}]}'])
def test_a_row_is_read_alike_by_the_quick_parser_and_the_patient_one(tensor: str, form: str) -> None:
    text = r'{"s":"a\"\\{}","n":[1,{"m":[2.0]}],"lone":"%s","tensor":' + form.replace("%s", tensor)
    parser = RowParser("fields", "tensor")
    for said in ("plain", r"\ud800"):
        body = ('{"id":"x","fields":' + text.replace("%s", said, 1) + "}}").encode()
        assert plain(parser.fields(body)) == plain(load_object(body, "fields"))


def plain(value: object) -> object:
    """Spell arrays as lists, and numbers so that NaN equals itself."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | np.ndarray):
        return [plain(item) for item in value]
    return repr(float(value)) if isinstance(value, int | float | np.floating) else value


@pytest.mark.parametrize("body", [b"", b"[1]", b'"x"', b"{}", b'{"fields":3}', b'{"fields":[1]}', b'{"fields":{"a":1}'])
def test_the_quick_parser_refuses_what_is_no_row(body: bytes) -> None:
    with pytest.raises(RowRejectedError) as caught:
        RowParser("fields").fields(body)
    assert caught.value.code == "unreadable_row"
