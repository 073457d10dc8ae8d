"""Bad input: told clearly, in one shape, at its place, and nothing is written."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app import embedded
from tests.api.calls import ALICE, NEAR, Json, base64_of, chunk, document, guarded_index, index, path_of, state
from tests.conftest import make_settings, running, temporary_database

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = {"content-type": "application/json"}
NAN = float("nan")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def something_to_lose(shared_client: httpx.AsyncClient) -> tuple[Any, ...]:
    """Index some documents; return all that is stored."""
    await guarded_index(shared_client)
    await index(shared_client, document("kept", chunks=2, metadata={"k": "v"}))
    await index(shared_client, document("kept", access={"public": False, "entries": [ALICE]}), index="guarded")
    return await state(shared_client)


@pytest_asyncio.fixture(loop_scope="module")
async def http(
    shared_client: httpx.AsyncClient, something_to_lose: tuple[Any, ...]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose calls must change nothing of what is stored."""
    yield shared_client
    assert await state(shared_client) == something_to_lose


def check(answer: httpx.Response, status: int, code: str, *places: tuple[str, str]) -> Json:
    """Hold an answer against RFC 9457 and what is expected; places are (pointer, code) pairs."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Json = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code"} <= set(problem)
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"].endswith(f"docs/problems.md#{code}")
    assert problem["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    if places:
        assert sorted((flaw["pointer"], flaw["code"]) for flaw in problem["errors"]) == sorted(places)
    return problem


async def post(http: httpx.AsyncClient, path: str, body: object) -> httpx.Response:
    """Send JSON as Python writes it: NaN and lone surrogates included."""
    return await http.post(path, content=json.dumps(body).encode(), headers=JSON)


def simple(**fields: object) -> Json:
    return {"id": "new", "content": "text", "embedding": NEAR} | fields


def whole(*chunks: Json, **fields: object) -> Json:
    return {"id": "new", "chunks": list(chunks)} | fields


BAD_DOCUMENTS: list[tuple[str, list[Json], str, list[tuple[str, str]]]] = [
    ("short", [simple(embedding=[1, 2])], "embedding_dimension_mismatch", [("/documents/0/embedding", "dimension")]),
    (
        "short in a chunk",
        [document("ok"), whole(chunk(0), chunk(1, embedding=base64_of([1.0] * 9)))],
        "embedding_dimension_mismatch",
        [("/documents/1/chunks/1/embedding", "dimension")],
    ),
    (
        "short title",
        [simple(title_embedding=[1])],
        "embedding_dimension_mismatch",
        [("/documents/0/title_embedding", "dimension")],
    ),
    ("NaN", [simple(embedding=[NAN] * 8)], "invalid_request", [("/documents/0/embedding/0", "finite_number")]),
    (
        "infinity",
        [simple(embedding=[*NEAR[:7], float("inf")])],
        "invalid_request",
        [("/documents/0/embedding/7", "finite_number")],
    ),
    (
        "beyond float32",
        [simple(embedding=[1e39] * 8)],
        "invalid_request",
        [("/documents/0/embedding", "finite_number")],
    ),
    (
        "NaN in base64",
        [simple(embedding=base64_of([NAN] * 8))],
        "invalid_request",
        [("/documents/0/embedding", "finite_number")],
    ),
    ("no base64", [simple(embedding="@@@")], "invalid_request", [("/documents/0/embedding", "base64")]),
    ("cut base64", [simple(embedding="AAAA")], "invalid_request", [("/documents/0/embedding", "base64")]),
    ("empty embedding", [simple(embedding=[])], "invalid_request", [("/documents/0/embedding", "too_short")]),
    ("too many numbers", [simple(embedding=[1] * 4001)], "invalid_request", [("/documents/0/embedding", "too_long")]),
    (
        "words for numbers",
        [simple(embedding=["x"])],
        "invalid_request",
        [("/documents/0/embedding/0", "float_parsing")],
    ),
    ("no chunks", [whole()], "invalid_request", [("/documents/0/chunks", "too_short")]),
    ("neither chunks nor content", [{"id": "new"}], "invalid_request", [("/documents/0", "chunks_or_content")]),
    ("both", [simple(chunks=[chunk()])], "invalid_request", [("/documents/0", "chunks_or_content")]),
    (
        "embedding beside chunks",
        [whole(chunk(), embedding=NEAR)],
        "invalid_request",
        [("/documents/0", "embedding_with_chunks")],
    ),
    (
        "chunk index twice",
        [document("ok"), whole(chunk(0), chunk(1), chunk(0))],
        "invalid_request",
        [("/documents/1/chunks/2/chunk_index", "duplicate")],
    ),
    (
        "negative chunk index",
        [whole(chunk(-1))],
        "invalid_request",
        [("/documents/0/chunks/0/chunk_index", "greater_than_equal")],
    ),
    (
        "chunk index beyond 31 bits",
        [whole(chunk(2**31))],
        "invalid_request",
        [("/documents/0/chunks/0/chunk_index", "less_than_equal")],
    ),
    (
        "document twice",
        [simple(), document("b"), simple(), simple()],
        "invalid_request",
        [("/documents/2/id", "duplicate"), ("/documents/3/id", "duplicate")],
    ),
    ("no documents", [], "invalid_request", [("/documents", "too_short")]),
    ("NUL in the id", [simple(id="a\0b")], "invalid_request", [("/documents/0/id", "unstorable")]),
    ("lone surrogate in the id", [simple(id="a\ud800b")], "invalid_request", [("/documents/0/id", "unstorable")]),
    ("empty id", [simple(id="")], "invalid_request", [("/documents/0/id", "id_length")]),
    ("id of 4,097 bytes", [simple(id="é" * 2048 + "x")], "invalid_request", [("/documents/0/id", "id_length")]),
    (
        "NUL in an entry",
        [simple(access={"public": False, "entries": ["ok", "\0"]})],
        "invalid_request",
        [("/documents/0/access/entries/1", "unstorable")],
    ),
    (
        "lone surrogate in a set",
        [simple(document_sets=["\udfff"])],
        "invalid_request",
        [("/documents/0/document_sets/0", "unstorable")],
    ),
    ("unknown field", [simple(titel="x")], "invalid_request", [("/documents/0/titel", "extra_forbidden")]),
    (
        "unknown field with a slash",
        [whole(chunk(0) | {"a/b~c": 1})],
        "invalid_request",
        [("/documents/0/chunks/0/a~1b~0c", "extra_forbidden")],
    ),
    ("access without public", [simple(access={})], "invalid_request", [("/documents/0/access/public", "missing")]),
    (
        "integer beyond 64 bits",
        [simple(metadata={"deep": [{"n": 2**64}]})],
        "invalid_request",
        [("/documents/0/metadata/deep/0/n", "number_range")],
    ),
    (
        "NaN in metadata",
        [simple(metadata={"x": NAN, "y": [float("-inf")]})],
        "invalid_request",
        [("/documents/0/metadata/x", "number_range"), ("/documents/0/metadata/y/0", "number_range")],
    ),
    ("metadata that is a list", [simple(metadata=["k"])], "invalid_request", [("/documents/0/metadata", "dict_type")]),
    (
        "boost beyond 32 bits",
        [simple(boost=2**31)],
        "invalid_request",
        [("/documents/0/boost", "less_than_equal")],
    ),
    (
        "no time",
        [simple(updated_at="yesterday")],
        "invalid_request",
        [("/documents/0/updated_at", "datetime_from_date_parsing")],
    ),
    (
        "time before the year 1",
        [simple(updated_at="0001-01-01T00:00:00+14:00")],
        "invalid_request",
        [("/documents/0/updated_at", "moment_out_of_range")],
    ),
    (
        "source link without text",
        [whole(chunk(0, source_links={"numbers": 5}))],
        "invalid_request",
        [("/documents/0/chunks/0/source_links/numbers", "string_type")],
    ),
    (
        "several",
        [simple(id=5), {"id": "x"}],
        "invalid_request",
        [("/documents/0/id", "string_type"), ("/documents/1", "chunks_or_content")],
    ),
]


@pytest.mark.parametrize(
    ("documents", "code", "places"), [case[1:] for case in BAD_DOCUMENTS], ids=[c[0] for c in BAD_DOCUMENTS]
)
async def test_documents(
    http: httpx.AsyncClient, documents: list[Json], code: str, places: list[tuple[str, str]]
) -> None:
    check(await post(http, "/documents", {"documents": documents}), 422, code, *places)


async def test_a_document_without_access_in_a_guarded_index(http: httpx.AsyncClient) -> None:
    body = {"index": "guarded", "documents": [document("ok"), simple()]}
    check(await post(http, "/documents", body), 422, "invalid_request", ("/documents/1/access", "required"))


async def test_a_search_that_does_not_say_who_asks(http: httpx.AsyncClient) -> None:
    for path, body in (
        ("/search", {"embedding": NEAR}),
        ("/search", {"mode": "random", "filters": {"source_type": ["web"]}}),
        ("/chunks/retrieve", {"sections": [{"document_id": "kept"}]}),
    ):
        answer = await post(http, path, body | {"index": "guarded"})
        check(answer, 422, "access_control_list_required", ("/filters/access_control_list", "required"))


BACKWARDS = {"start": "2024-02-01T00:00:00Z", "end": "2024-01-01T00:00:00Z"}
KEPT: Json = {"document_ids": ["kept"]}
BAD_BODIES: list[tuple[str, str, Json, list[tuple[str, str]]]] = [
    ("POST", "/search", {"embedding": NEAR, "limit": 0}, [("/limit", "greater_than_equal")]),
    ("POST", "/search", {"embedding": NEAR, "limit": 10_001}, [("/limit", "less_than_equal")]),
    ("POST", "/search", {"embedding": NEAR, "limit": 1.5}, [("/limit", "int_from_float")]),
    ("POST", "/search", {"embedding": NEAR, "mode": "fuzzy"}, [("/mode", "literal_error")]),
    ("POST", "/search", {"embedding": NEAR, "min_score": NAN}, [("/min_score", "finite_number")]),
    ("POST", "/search", {"embedding": NEAR, "index": "a/b"}, [("/index", "string_pattern_mismatch")]),
    ("POST", "/search", {"query": "x" * 200_001}, [("/query", "too_long")]),
    ("POST", "/search", {"embedding": [0] * 8}, [("/embedding", "zero_vector")]),
    ("POST", "/search", {"embedding": NEAR, "filters": {"acl": []}}, [("/filters/acl", "extra_forbidden")]),
    (
        "POST", "/search",
        {"embedding": NEAR, "filters": {"created_at": BACKWARDS}},
        [("/filters/created_at", "reversed_range")],
    ),
    (
        "POST", "/search", {"embedding": NEAR, "filters": {"persona_id": 2**63}},
        [("/filters/persona_id", "less_than_equal")],
    ),
    (
        "POST", "/search", {"embedding": NEAR, "filters": {"metadata": {"n": -(2**63) - 1}}},
        [("/filters/metadata/n", "number_range")],
    ),
    (
        "POST", "/search", {"embedding": NEAR, "filters": {"tags": [{"key": "k"}]}},
        [("/filters/tags/0/value", "missing")],
    ),
    (
        "POST", "/chunks/retrieve", {"sections": [{"document_id": "a", "min_chunk_index": 2, "max_chunk_index": 1}]},
        [("/sections/0", "reversed_range")],
    ),
    ("POST", "/chunks/retrieve", {"sections": []}, [("/sections", "too_short")]),
    ("POST", "/chunks/scan", {"document_ids": ["a"], "limit": 10_001}, [("/limit", "less_than_equal")]),
    ("POST", "/documents/delete", {"document_ids": []}, [("/document_ids", "too_short")]),
    ("POST", "/documents/delete", {"document_ids": ["kept", "\0"]}, [("/document_ids/1", "unstorable")]),
    ("POST", "/documents/delete", {"document_ids": ["kept"], "written_by": "me"}, [("/written_by", "literal_error")]),
    ("PATCH", "/documents", {"updates": []}, [("/updates", "too_short")]),
    ("PATCH", "/documents", {"updates": [KEPT | {"boost": 1.5}]}, [("/updates/0/boost", "int_from_float")]),
    (
        "PATCH", "/documents", {"updates": [KEPT | {"boost": 3}, KEPT | {"x": 1}]},
        [("/updates/1/x", "extra_forbidden")],
    ),
    (
        "PATCH", "/documents", {"updates": [{"document_ids": ["kept"], "access": {"entries": []}}]},
        [("/updates/0/access/public", "missing")],
    ),
    ("PUT", "/indexes/new", {"embedding_dimension": 0}, [("/embedding_dimension", "greater_than_equal")]),
    ("PUT", "/indexes/new", {"embedding_dimension": 4001}, [("/embedding_dimension", "less_than_equal")]),
    ("PUT", "/indexes/new", {}, [("/embedding_dimension", "missing")]),
    ("PUT", "/indexes/new", {"embedding_dimension": 8, "language": "klingon"}, [("/language", "unknown")]),
    ("PUT", "/indexes/new", {"embedding_dimension": 8, "rank_profile": "best"}, [("/rank_profile", "literal_error")]),
    (
        "PUT",
        "/indexes/new",
        {"embedding_dimension": 8, "ann": {"quantisation": "binary"}},
        [("/ann/quantisation", "literal_error")],
    ),
    ("PUT", "/indexes/new", {"embedding_dimension": 8, "ann": "bit"}, [("/ann", "model_type")]),
    (
        "PUT",
        "/indexes/new",
        {"embedding_dimension": 8, "ann": {"quantization": "bit"}},
        [("/ann/quantization", "extra_forbidden")],
    ),
    (
        "PUT", "/uploads/0b0e7b8e-5d0e-4a4e-9d0a-000000000001/parts/0", {"chunks": [chunk(1), chunk(1)]},
        [("/chunks/1/chunk_index", "duplicate")],
    ),
    (
        "POST", "/uploads/0b0e7b8e-5d0e-4a4e-9d0a-000000000001/commit", {"document": {"id": "a"}, "parts": 0},
        [("/parts", "greater_than_equal")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "places"), BAD_BODIES)
async def test_bodies(
    http: httpx.AsyncClient, method: str, path: str, body: Json, places: list[tuple[str, str]]
) -> None:
    answer = await http.request(method, path, content=json.dumps(body).encode(), headers=JSON)
    check(answer, 422, "invalid_request", *places)


async def test_an_index_that_is_not_there(http: httpx.AsyncClient) -> None:
    for method, path, body in (
        ("POST", "/documents", {"index": "none", "documents": [simple()]}),
        ("PATCH", "/documents", {"index": "none", "updates": [{"document_ids": ["a"]}]}),
        ("POST", "/documents/delete", {"index": "none", "document_ids": ["a"]}),
        ("POST", "/search", {"index": "none", "embedding": NEAR}),
        ("POST", "/chunks/retrieve", {"index": "none", "sections": [{"document_id": "a"}]}),
        ("POST", "/chunks/scan", {"index": "none", "document_ids": ["a"]}),
        ("GET", "/documents?index=none", None),
        ("GET", "/documents/a?index=none", None),
        ("DELETE", "/documents/a?index=none", None),
        ("GET", "/indexes/none", None),
        ("DELETE", "/indexes/none", None),
        ("DELETE", "/indexes/none/documents", None),
    ):
        check(await http.request(method, path, json=body), 404, "index_not_found")


async def test_a_document_that_is_not_there(http: httpx.AsyncClient) -> None:
    for name in ("none", "kept/", "k" * 5000, "a\0b", "%"):
        check(await http.get(path_of(name)), 404, "document_not_found")


async def test_tenants_that_cannot_be_or_are_not(http: httpx.AsyncClient) -> None:
    for tenant in ("", "a b", "a/b", "x" * 151, "é", "a\tb"):
        answer = await http.get("/indexes", headers=[(b"x-tenant-id", tenant.encode())])
        problem = check(answer, 422, "invalid_tenant")
        assert problem["errors"][0]["parameter"] == "X-Tenant-ID"
    for path in ("/documents", "/documents/a", "/indexes/documents"):
        check(await http.get(path, headers={"x-tenant-id": "stranger"}), 404, "tenant_not_found")
    assert (await http.get("/indexes", headers={"x-tenant-id": "stranger"})).json() == {"indexes": []}


@pytest.mark.parametrize(
    ("method", "path", "parameter"),
    [
        ("GET", "/documents?limit=0", "limit"),
        ("GET", "/documents?limit=1001", "limit"),
        ("GET", "/documents?limit=ten", "limit"),
        ("GET", "/documents?chunks=perhaps", "chunks"),
        ("GET", "/documents?index=a%2Fb", "index"),
        ("GET", f"/indexes/{'x' * 151}", "name"),
        ("GET", "/indexes/a%20b", "name"),
        ("GET", "/indexes/documents%0A", "name"),
        ("DELETE", "/indexes/documents/documents?limit=10001", "limit"),
        ("DELETE", "/uploads/not-a-uuid", "upload_id"),
        ("DELETE", "/uploads/0b0e7b8e-5d0e-4a4e-9d0a-000000000001?index=%00", "index"),
    ],
)
async def test_parameters(http: httpx.AsyncClient, method: str, path: str, parameter: str) -> None:
    problem = check(await http.request(method, path), 422, "invalid_request")
    assert [(flaw["pointer"], flaw["parameter"]) for flaw in problem["errors"]] == [("", parameter)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"documents": [{"id": "new", "content": "x", "embedding": [1,0,0,0,0,0,0,0]}]',
        b"not json",
        b'{"documents": [{"id": "new",}]}',
        b"\xff\xfe{\x00}\x00",
        b'{"documents": [{"id": "caf\xe9", "content": "x", "embedding": [1,0,0,0,0,0,0,0]}]}',
        b"[" * 100_000,
        b'{"documents": [{"id": "new", "metadata": {"x": ' + b'{"x": ' * 5000 + b"1" + b"}" * 5000 + b"}}]}",
        b'{"documents": [{"id": "new", "metadata": {"n": ' + b"9" * 5000 + b"}}]}",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_bodies_that_are_no_json(http: httpx.AsyncClient, body: bytes) -> None:
    check(await http.post("/documents", content=body, headers=JSON), 400, "malformed_request")


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"'])
async def test_bodies_that_are_no_object(http: httpx.AsyncClient, body: bytes) -> None:
    check(await http.post("/documents", content=body, headers=JSON), 422, "invalid_request", ("", "model_type"))


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_other_media_types(http: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    answer = await http.post("/documents", content=json.dumps({"documents": [simple()]}).encode(), headers=headers)
    check(answer, 415, "unsupported_media_type")


async def test_json_by_another_name_is_taken(http: httpx.AsyncClient) -> None:
    for media_type in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.onyx+json"):
        body = json.dumps({"embedding": NEAR}).encode()
        assert (await http.post("/search", content=body, headers={"content-type": media_type})).status_code == 200


async def test_the_last_of_several_equal_keys_counts(http: httpx.AsyncClient) -> None:
    body = b'{"embedding": [1], "limit": 0, "embedding": [1,0,0,0,0,0,0,0], "limit": 1}'
    answer = await http.post("/search", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text


def zipped(body: object) -> bytes:
    return gzip.compress(json.dumps(body).encode())


async def test_gzip_is_taken(http: httpx.AsyncClient) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    answer = await http.post("/search", content=zipped({"embedding": NEAR}), headers=headers)
    assert answer.status_code == 200, answer.text


async def test_gzip_that_is_broken(http: httpx.AsyncClient) -> None:
    good = zipped({"documents": [simple()]})
    for body in (good[:-9], good[:20], b"", b"plain", good + b"more", good + good, good[:10] + b"\xff" * 30):
        answer = await http.post("/documents", content=body, headers=JSON | {"content-encoding": "gzip"})
        check(answer, 400, "malformed_request")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "none"])
async def test_other_encodings(http: httpx.AsyncClient, encoding: str) -> None:
    body = zlib.compress(json.dumps({"documents": [simple()]}).encode())
    answer = await http.post("/documents", content=body, headers=JSON | {"content-encoding": encoding})
    check(answer, 415, "unsupported_media_type")


@pytest_asyncio.fixture(loop_scope="module")
async def narrow(postgres: embedded.EmbeddedServer, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service that takes bodies of 10,000 bytes."""
    async with (
        temporary_database(postgres, template) as name,
        running(make_settings(name, max_body_bytes=10_000)) as client,
    ):
        yield client


async def pieces(body: bytes, size: int = 997) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_bodies_over_the_limit(narrow: httpx.AsyncClient) -> None:
    before = await state(narrow)
    large = json.dumps({"documents": [simple(content="x" * 10_000)]}).encode()
    bomb = gzip.compress(json.dumps({"documents": [simple(content=" " * 50_000_000)]}).encode())
    long_tail = zipped({"documents": [simple()]}) + b"\0" * 20_000
    zipped_headers = JSON | {"content-encoding": "gzip"}
    assert len(bomb) > 10_000 > len(bomb[:9_000])
    for content, headers in (
        (large, JSON),
        (pieces(large), JSON),
        (bomb, zipped_headers),
        (pieces(bomb[:9_000]), zipped_headers),
        (pieces(long_tail), zipped_headers),
        (large, JSON | {"content-length": "999999999999"}),
    ):
        check(await narrow.post("/documents", content=content, headers=headers), 413, "body_too_large")
    assert await state(narrow) == before


async def test_a_body_at_the_limit_is_taken_in_pieces(narrow: httpx.AsyncClient) -> None:
    body = json.dumps({"documents": [simple()]}).encode()
    body += b" " * (10_000 - len(body))
    assert (await narrow.post("/documents", content=pieces(body), headers=JSON)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/documents", "GET, POST, PATCH"),
        ("GET", "/search", "POST"),
        ("POST", "/indexes/a", "GET, PUT, DELETE"),
        ("BREW", "/health", "GET"),
        ("POST", "/documents/a", "GET, DELETE"),
        ("GET", "/uploads/0b0e7b8e-5d0e-4a4e-9d0a-000000000001/commit", "POST"),
    ],
)
async def test_other_methods(http: httpx.AsyncClient, method: str, path: str, allow: str) -> None:
    answer = await http.request(method, path)
    check(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("path", ["/nothing", "/indexes/", "/search/", "/Documents", "/uploads"])
async def test_other_paths(http: httpx.AsyncClient, path: str) -> None:
    check(await http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%%%", "é", "bnVsbA", "NQ", "W10", base64_of([1.0, 2.0]), "IjEyMyI", "eyJhIjoxfQ", "A" * 50_000,
     "WyJhIiwgOTk5OTk5OTk5OTk5OTk5OTk5OTld", "WyJhXHUwMDAwIiwgMV0", "WyJhIiwgLTFd", "WyJhIiwgMWUzMDld"],
)  # fmt: skip
async def test_cursors_of_foreign_make(http: httpx.AsyncClient, cursor: str) -> None:
    for parameters in ({"cursor": cursor}, {"cursor": cursor, "ndjson": "true"}):
        check(await http.get("/documents", params=parameters), 400, "malformed_request")
    body = {"document_ids": ["kept"], "cursor": cursor}
    check(await http.post("/chunks/scan", json=body), 400, "malformed_request")


async def test_keys_where_there_are_some(postgres: embedded.EmbeddedServer, template: str) -> None:
    async with (
        temporary_database(postgres, template) as name,
        running(make_settings(name, api_keys=("first key", "zweiter-schlüssel"))) as http,
    ):
        good = {"authorization": "Bearer first key"}
        before = await state(http, **good)
        for headers in (
            {},
            {"authorization": "Bearer"},
            {"authorization": "Bearer wrong"},
            {"authorization": "Bearer first key2"},
            {"authorization": "Basic Zmlyc3Qga2V5"},
            {"authorization": "first key"},
            [(b"authorization", "Bearer \xff".encode("latin-1"))],
        ):
            answer = await http.post("/documents", json={"documents": [simple()]}, headers=headers)
            check(answer, 401, "unauthorised")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "first key" not in answer.text
        oversized = await http.post("/documents", content=b"x", headers=JSON | {"content-length": "999999999999"})
        check(oversized, 401, "unauthorised")
        assert await state(http, **good) == before
        assert len(before[0]) == 1
        for key in ("first key", "zweiter-schlüssel"):
            bearer = [(b"authorization", f"Bearer {key}".encode())]
            assert (await http.post("/search", json={"embedding": NEAR}, headers=bearer)).status_code == 200
        for path in ("/health", "/health/ready", "/metrics", "/docs", "/openapi.json"):
            assert (await http.get(path)).status_code == 200


async def test_many_flaws_are_told_up_to_a_hundred(http: httpx.AsyncClient) -> None:
    problem = check(await post(http, "/documents", {"documents": [{} for _ in range(150)]}), 422, "invalid_request")
    assert len(problem["errors"]) == 100
    assert "300 things" in problem["detail"] or "150 things" in problem["detail"]


async def test_lists_beyond_their_bound(http: httpx.AsyncClient) -> None:
    body = {"embedding": NEAR, "filters": {"document_ids": ["a"] * 200_001}}
    check(await post(http, "/search", body), 422, "invalid_request", ("/filters/document_ids", "too_long"))
    many = {"documents": [{"id": str(number), "content": ""} for number in range(10_001)]}
    check(await post(http, "/documents", many), 422, "invalid_request", ("/documents", "too_long"))
