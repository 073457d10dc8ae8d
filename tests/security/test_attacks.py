"""What is tried against services like this one, each with what must come of it."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio

from app import embedded
from tests.api.calls import ALICE, NEAR, document, guarded_index, index, path_of, state
from tests.conftest import make_settings, running, temporary_database
from tests.support.log_lines import LogLines

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]
KEY = "vsk_0123456789ab_kQ4m1xH2s9ZtY7wPq3RfUa8LbNcVdEgJ0iSoWzXyTk"
JSON = {"content-type": "application/json"}
LARGEST = 1_000_000
INJECTIONS = (
    "'; DROP TABLE documents; --",
    "' OR '1'='1",
    '" OR ""="',
    "1); DELETE FROM documents WHERE (1=1",
    "$1",
    "$$; SELECT pg_sleep(600); $$",
    "\\'; SELECT pg_sleep(600); --",
    "%s %(x)s {0} {index_id} :index_id",
    "') UNION SELECT digest::text FROM api_keys --",
    '{NULL,"a"}',
    "x'::regclass",
    "/* */ --\n;",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dsn_of(postgres: embedded.EmbeddedServer, template: str) -> AsyncIterator[str]:
    """A database of this module's own."""
    async with temporary_database(postgres, template) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(dsn_of: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service with one key and something to lose."""
    settings = make_settings(
        dsn_of, api_keys=[KEY], max_body_bytes=LARGEST, token_secrets=["a secret of thirty-two characters"]
    )
    async with running(settings) as http:
        http.headers.update({"authorization": f"Bearer {KEY}"})
        await guarded_index(http, "guarded")
        await index(http, document("kept", chunks=2, metadata={"k": "v"}))
        await index(http, document("kept", access={"public": False, "entries": [ALICE]}), index="guarded")
        yield http


@pytest_asyncio.fixture(loop_scope="module")
async def http(service: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client after whose calls all must be as it was."""
    before = await state(service)
    yield service
    assert await state(service) == before


FULL: dict[tuple[str, str], Json] = {
    ("POST", "/search"): {
        "index": "documents", "query": "part", "mode": "keyword", "rank_profile": "default",
        "filters": {
            "access_control_list": ["e"], "source_type": ["web"], "tags": [{"key": "k", "value": "v"}],
            "document_sets": ["s"], "document_ids": ["kept"], "forced_document_sets": ["s"],
            "created_at": {"start": "2024-01-01T00:00:00Z"}, "metadata": {"k": "v", "o": {"p": ["q"]}},
        },
    },
    ("POST", "/chunks/retrieve"): {
        "index": "documents", "sections": [{"document_id": "kept"}], "filters": {"tags": [{"key": "k", "value": "v"}]},
    },
    ("POST", "/chunks/scan"): {"index": "documents", "document_ids": ["kept"], "cursor": "c"},
    ("POST", "/documents/delete"): {"index": "documents", "document_ids": ["none"]},
    ("PATCH", "/documents"): {
        "index": "documents",
        "updates": [{"document_ids": ["none"], "access": {"public": False, "entries": ["e"]}, "document_sets": ["s"]}],
    },
    ("POST", "/tokens"): {"index": "documents", "access_control_list": ["e"], "filters": {"source_type": ["web"]}},
    ("POST", "/access/explain"): {"index": "documents", "document_id": "kept", "access_control_list": ["e"]},
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  JSON
    """Where texts stand in a body, names of free fields among them."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from places(each, (*path, place))


def put(body: Json, path: tuple[Any, ...], text: str) -> Json:
    """Return a body with another text at a place."""
    copied: Json = json.loads(json.dumps(body))
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    return copied


@pytest.mark.parametrize("call", sorted(FULL), ids=str)
async def test_sql_in_every_text_is_a_text(http: httpx.AsyncClient, call: tuple[str, str]) -> None:
    for path in places(FULL[call]):
        for injection in INJECTIONS:
            answer = await http.request(*call, json=put(FULL[call], path, injection))
            # Not 504 either, as if something slept in the database.
            assert answer.status_code in {200, 400, 404, 422}, (path, injection, answer.text)
            assert "syntax error" not in answer.text


async def test_sql_in_what_is_stored_is_stored_as_it_is(service: httpx.AsyncClient, dsn_of: str) -> None:
    for number, text in enumerate(INJECTIONS):
        stored: Json = {
            "id": f"{number} {text}", "title": text, "semantic_identifier": text, "source_type": text,
            "metadata": {text: text, "nested": {text: [text]}}, "document_sets": [text],
            "access": {"public": False, "entries": [text]}, "primary_owners": [text],
            "chunks": [
                {"chunk_index": 0, "content": text, "blurb": text, "embedding": NEAR, "source_links": {"0": text}}
            ],
        }  # fmt: skip
        await index(service, stored)
        shown = (await service.get(path_of(stored["id"]))).json()
        for name in ("id", "title", "source_type", "metadata", "document_sets"):
            assert shown[name] == stored[name]
        for filters in ({"source_type": [text]}, {"metadata": {text: text}}, {"tags": [{"key": text, "value": text}]},
                        {"document_sets": [text]}, {"access_control_list": [text]}):  # fmt: skip
            body = {"embedding": NEAR, "limit": 100, "filters": filters}
            hits = (await service.post("/search", json=body)).json()["hits"]
            assert stored["id"] in {hit["document_id"] for hit in hits}, filters
        deleted = await service.post("/documents/delete", json={"document_ids": [stored["id"]]})
        assert deleted.json()["results"][0]["found"]
    connection = await asyncpg.connect(dsn_of)
    try:
        assert await connection.fetchval("SELECT count(*) FROM documents") == 2
    finally:
        await connection.close()


@pytest.mark.parametrize("injection", INJECTIONS)
async def test_sql_in_paths_parameters_and_headers(http: httpx.AsyncClient, injection: str) -> None:
    quoted = quote(injection, safe="")
    calls: list[tuple[str, str, dict[str, str]]] = [
        ("GET", f"/indexes/{quoted}", {}),
        ("DELETE", f"/indexes/{quoted}", {}),
        ("GET", f"/documents/{quoted}", {}),
        ("DELETE", f"/documents/{quoted}", {}),
        ("GET", f"/documents?index={quoted}", {}),
        ("GET", f"/documents?cursor={quoted}", {}),
        ("DELETE", f"/uploads/{quoted}", {}),
        ("GET", "/indexes", {"x-tenant-id": injection.replace("\n", " ")}),
        ("GET", "/indexes", {"authorization": f"Bearer {injection}".replace("\n", " ")}),
        ("GET", "/indexes", {"x-request-id": injection.replace("\n", " ")}),
    ]
    for method, path, headers in calls:
        answer = await http.request(method, path, headers=headers)
        assert answer.status_code in {200, 400, 401, 404, 405, 422}, (method, path, answer.text)


@pytest.mark.parametrize(
    "given",
    [
        b"public, other",
        b"public\tother",
        b"../public",
        b"PUBLIC ",
        b"public%00",
        "públic".encode(),
        b"*",
        b"a" * 151,
        b"",
    ],
    ids=str,
)
async def test_a_tenant_is_spelt_one_way_only(http: httpx.AsyncClient, given: bytes) -> None:
    answer = await http.get("/indexes", headers=[(b"authorization", f"Bearer {KEY}".encode()), (b"x-tenant-id", given)])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_tenant")


async def test_headers_that_come_twice_or_speak_for_others_change_nothing(http: httpx.AsyncClient) -> None:
    bearer = (b"authorization", f"Bearer {KEY}".encode())
    for spoofed in (
        b"x-tenant",
        b"x-user",
        b"x-forwarded-user",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-http-method-override",
    ):
        answer = await http.get("/indexes/guarded", headers=[bearer, (spoofed, b"/indexes/other")])
        assert answer.json()["name"] == "guarded"
    twice = await http.get("/indexes", headers=[(b"authorization", b"Bearer x"), bearer])
    assert twice.status_code == 401  # the first counts, for everybody
    nobody = {"authorization": "", "cookie": f"key={KEY}", "x-api-key": KEY}
    assert (await http.get(f"/indexes?key={KEY}&access_token={KEY}", headers=nobody)).status_code == 401


async def test_a_key_that_is_nearly_right_is_wrong(http: httpx.AsyncClient) -> None:
    for place in range(len(KEY)):
        changed = KEY[:place] + ("x" if KEY[place] != "x" else "y") + KEY[place + 1 :]
        answer = await http.get("/indexes", headers={"authorization": f"Bearer {changed}"})
        assert answer.status_code == 401, changed
    for wrong in (
        KEY[:-1],
        KEY + "a",
        KEY.upper(),
        f"{KEY} {KEY}",
        f"{KEY},",
        f'"{KEY}"',
        KEY[4:],
        "vsk_",
        "vst_",
        "a.b.c",
    ):
        answer = await http.get("/indexes", headers={"authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401, wrong
        assert wrong not in answer.text


async def test_a_token_is_worthless_elsewhere_and_afterwards(http: httpx.AsyncClient) -> None:
    made = await http.post("/tokens", json={"index": "guarded", "access_control_list": [ALICE], "expires_in": 1})
    bearer = {"authorization": f"Bearer {made.json()['token']}"}
    search = {"mode": "random"}
    for _ in range(2):  # until then it may be used again: that is what it is for
        answer = await http.post("/search", json=search, headers=bearer)
        assert [hit["document_id"] for hit in answer.json()["hits"]] == ["kept"]
    assert (await http.post("/search", json=search, headers=bearer | {"x-tenant-id": "other"})).status_code == 403
    assert (await http.post("/search", json=search | {"index": "documents"}, headers=bearer)).status_code == 403
    assert (await http.delete("/indexes/guarded", headers=bearer)).status_code == 403
    await asyncio.sleep(7)  # its second, and the five that clocks may differ by
    assert (await http.post("/search", json=search, headers=bearer)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 400_000,
        b'{"a":' * 100_000,
        b'{"filters":{"metadata":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}}",
        b'{"filters":{"metadata":{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}}}",
        b'{"filters":{"metadata":{"n":' + b"9" * 500_000 + b"}}}",
        b'{"filters":{"metadata":{"n":1e999999999}}}',
        b'{"query":"' + b"a" * 900_000 + b'"}',
        b'{"limit":' + b"1" * 100_000 + b"}",
        b'{"query":"\xff\xfe"}',
        b"{" + b",".join(b'"f%d":1' % number for number in range(60_000)) + b"}",
        b"null",
        b"",
    ],
    ids=range(12),
)
async def test_json_that_is_meant_to_hurt(http: httpx.AsyncClient, body: bytes) -> None:
    started = time.process_time()
    answer = await http.post("/search", content=body, headers=JSON)
    assert answer.status_code in {400, 422}, answer.text[:500]
    assert time.process_time() - started < 5
    assert len(answer.content) < 100_000  # what came is not sent back


async def test_many_flaws_of_two_kinds_hold_nobody_up(http: httpx.AsyncClient) -> None:
    labels = ",".join(["1"] * 100_000 + ['"\\u0000"'])
    fields = ",".join(f'"f{number}":1' for number in range(30_000))
    started = time.process_time()
    for body in ('{"filters":{"access_control_list":[' + labels + "]}}", "{" + fields + "}"):
        answer = await http.post("/search", content=body.encode(), headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "too_many_flaws"
    assert time.process_time() - started < 5


async def test_a_question_is_no_place_for_documents(dsn: str) -> None:
    async with running(make_settings(dsn)) as client:
        for path, status in (("/search", 413), ("/documents/delete", 413), ("/documents", 400)):
            answer = await client.post(path, content=b" " * (33 * 2**20), headers=JSON)
            assert answer.status_code == status, path


async def test_bodies_beyond_the_limit_however_they_come(http: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b'{"query":"' + b" " * 200_000_000, compresslevel=9)
    assert len(bomb) < LARGEST / 4
    twice = gzip.compress(bomb)

    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(100_000):
            yield b" " * 65_536
        raise AssertionError("it was read to its end")

    cases: list[tuple[Any, dict[str, str], int]] = [
        (b" " * (LARGEST + 1), {}, 413),
        (bomb, {"content-encoding": "gzip"}, 413),
        (without_end(), {}, 413),
        (twice, {"content-encoding": "gzip"}, 400),  # what is in it is no JSON: it is unpacked once
        (bomb, {"content-encoding": "gzip, gzip"}, 415),
        (bomb, {"content-encoding": "deflate"}, 415),
        (gzip.compress(b"{}") * 2, {"content-encoding": "gzip"}, 400),
    ]
    for body, headers, status in cases:
        started = time.process_time()
        answer = await http.post("/search", content=body, headers=JSON | headers)
        assert answer.status_code == status, (headers, answer.text)
        assert time.process_time() - started < 5


async def test_a_body_that_trickles_is_ended(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.bodies._BODY_SECONDS", 0.3)

    async def trickle() -> AsyncIterator[bytes]:
        while True:  # until it is ended
            yield b" "
            await asyncio.sleep(0.05)

    answer = await http.post("/search", content=trickle(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")


TRICKS = (
    "../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "//host/share", "%2e%2e%2f", "..;/indexes", ".", "..",
    "a/../b", "a/./b", "?index=other", "#", "a%00b", "C:\\", "file:///etc/passwd", "~root", "$(id)", "`id`", "|id",
    "CON", "a\u202eb",
)  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
async def test_a_path_in_an_id_is_an_id(service: httpx.AsyncClient, name: str) -> None:
    await index(service, document(name))
    shown = await service.get(path_of(name))
    assert (shown.status_code, shown.json()["id"]) == (200, name)
    assert (await service.delete(path_of(name))).json()["found"]
    assert (await service.get(path_of(name))).status_code == 404


async def test_pages_lead_nowhere_else(http: httpx.AsyncClient) -> None:
    for path in (
        "/static-offline-docs/../../settings.py",
        "/static-offline-docs/%2e%2e/%2e%2e/settings.py",
        "/static-offline-docs/..%2f..%2f..%2fetc%2fpasswd",
        "/docs/../settings.py",
        "/%2e%2e/etc/passwd",
    ):
        answer = await http.get(path)
        assert answer.status_code in {400, 404}, path


@pytest.mark.parametrize("form", ["json", "text"])
async def test_no_request_writes_a_line_of_its_own_into_the_log(dsn: str, lines: LogLines, form: str) -> None:
    settings = make_settings(dsn, log_level="debug", log_format=form)
    forged = 'x\r\n{"event": "audit", "caller": "forged"}\n\x1b[31mforged\x1b[0m\u2028forged'
    async with running(settings) as client:
        quoted = quote(forged, safe="")
        for path in (f"/indexes/{quoted}", f"/documents/{quoted}", f"/documents?index={quoted}", f"/{quoted}"):
            await client.get(path)
        for body in (
            {"index": forged}, {"query": forged, "mode": "semantic"}, {forged: forged}, {"rank_profile": forged},
            {"query": forged, "filters": {"access_control_list": None}},
        ):  # fmt: skip
            await client.post("/search", json=body)
        await client.put("/indexes/forged", json={"embedding_dimension": 8, "language": forged})
        await client.post("/documents", json={"documents": [{"id": forged, "content": forged, "embedding": NEAR}]})
        headers = [
            (b"x-request-id", b"x\ty"),
            (b"x-tenant-id", forged.replace("\r\n", " ").replace("\n", " ").encode()),
        ]
        await client.get("/indexes", headers=headers)
        await client.request("BREW", f"/{quoted}")
    assert len(lines.raw) > 10
    for line in lines.raw:
        assert not line.startswith(('{"event": "audit"', "forged"))
        assert "\r" not in line
        assert "\x1b[31m" not in line
        if form == "json":
            assert json.loads(line).get("caller") != "forged"


async def test_highlights_are_safe_to_show(service: httpx.AsyncClient) -> None:
    hostile = '<script>alert("needle")</script> <hi>needle</hi> <img src=x onerror=alert(1)> needle & </hi><b>needle'
    await index(service, document("html", title=hostile, chunks=1) | {
        "chunks": [{"chunk_index": 0, "content": hostile, "embedding": NEAR}]
    })  # fmt: skip
    answer = await service.post("/search", json={"query": "needle", "mode": "keyword"})
    fragments = answer.json()["hits"][0]["highlights"]
    assert fragments
    for fragment in fragments:
        bare = fragment.replace("<hi>", "").replace("</hi>", "")
        assert "<" not in bare
        assert ">" not in bare
        assert fragment.count("<hi>") == fragment.count("</hi>")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    await service.delete("/documents/html")


async def test_every_answer_bears_the_headers_that_keep_browsers_out(http: httpx.AsyncClient) -> None:
    calls = [("GET", "/health"), ("GET", "/indexes"), ("GET", "/nothing"), ("GET", "/metrics"), ("POST", "/search"),
             ("GET", "/docs"), ("GET", "/redoc"), ("GET", "/openapi.json"), ("GET", "/documents?ndjson=1")]  # fmt: skip
    for method, path in calls:
        headers = (await http.request(method, path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        if not headers["content-type"].startswith("text/html"):
            assert headers["cache-control"] == "no-store"
            assert headers["content-security-policy"].startswith("default-src 'none'")


async def test_no_other_page_may_call(http: httpx.AsyncClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = await http.options("/search", headers=headers)
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers
    for form in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        answer = await http.post(
            "/documents/delete", content=b'{"document_ids":["kept"]}', headers={"content-type": form}
        )
        assert answer.status_code == 415
