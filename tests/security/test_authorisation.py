"""Every call says what it needs, and who lacks it is refused before anything is read or done."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app import embedded
from app.api.authorisation import NEEDS
from app.domain.callers import EVERY_SCOPE, Grant, Scope
from app.domain.credentials import draw_key
from app.main import create_app
from app.storage.database import Database
from app.storage.keys import KeyRepository
from tests.api.calls import ALICE, BOB, NEAR, document, guarded_index, index
from tests.conftest import make_settings, running, temporary_database
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]
SECRET = "a secret of thirty-two characters"  # noqa: S105  of the tests
UPLOAD = "0b0e7b8e-5d0e-4a4e-9d0a-000000000001"


def key(name: str, *scopes: Scope, **fields: object) -> Json:
    return {"name": name, "key": f"key of {name}", "scopes": sorted(scopes or EVERY_SCOPE)} | fields


KEYS = [
    "plain key",
    *(key(scope, scope) for scope in Scope),
    key("tenant", tenants=["t"]),
    key("index", indexes=["mine"]),
    *(key(f"without-{scope}", *(EVERY_SCOPE - {scope})) for scope in Scope),
]


def bearing(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name if name.startswith(('vs', 'plain')) else f'key of {name}'}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(postgres: embedded.EmbeddedServer, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service with a key of every kind, an index under access control and one that is not."""
    async with (
        temporary_database(postgres, template) as dsn,
        running(make_settings(dsn, api_keys=KEYS, token_secrets=[SECRET])) as client,
    ):
        client.headers.update(bearing("plain key"))
        for name in ("mine", "other"):
            await guarded_index(client, name)
            await index(
                client,
                document("public", access={"public": True}),
                document("alice", access={"public": False, "entries": [ALICE]}, source_type="web"),
                document("bob", access={"public": False, "entries": [BOB]}, source_type="slack"),
                document("both", access={"public": False, "entries": [ALICE, BOB]}, source_type="slack"),
                document("hidden", access={"public": True}, hidden=True),
                index=name,
            )
        yield client


def body_of(path: str, name: str) -> Json | None:
    """The least that a call takes, about an index."""
    bodies: dict[str, Json] = {
        "/search": {"mode": "random", "filters": {"access_control_list": []}},
        "/search/recall": {"queries": 1},
        "/chunks/retrieve": {"sections": [{"document_id": "x"}], "filters": {"access_control_list": []}},
        "/chunks/scan": {"document_ids": ["x"]},
        "/documents": {"documents": [{"id": "new", "content": "x", "embedding": NEAR, "access": {"public": True}}]},
        "/documents/delete": {"document_ids": ["x"]},
        "/uploads/{upload_id}/parts/{part}": {"chunks": [{"chunk_index": 0, "content": "x", "embedding": NEAR}]},
        "/uploads/{upload_id}/commit": {"document": {"id": "x", "access": {"public": True}}, "parts": 1},
        "/tokens": {"access_control_list": []},
        "/access/explain": {"document_id": "x", "access_control_list": []},
    }
    if path == "/indexes/{name}":
        return {"embedding_dimension": 8}
    return None if path not in bodies else bodies[path] | {"index": name}


async def call(http: httpx.AsyncClient, method: str, path: str, name: str, headers: dict[str, str]) -> httpx.Response:
    """Make a call about an index, whatever it is."""
    url = path.replace(":text", "").format(name=name, upload_id=UPLOAD, part=0, document_id="x")
    body = body_of(path, name)
    if method == "PATCH":
        body = {"index": name, "updates": [{"document_ids": ["x"], "boost": 1}]}
    if path == "/documents/bulk":
        lines = {"content-type": "application/x-ndjson"}
        return await http.post(url, content=b"", params={"index": name}, headers=headers | lines)
    if method in {"GET", "DELETE"}:
        parameters = None if path.startswith("/indexes") else {"index": name}
        return await http.request(method, url, params=parameters, headers=headers)
    return await http.request(method, url, json=body, headers=headers)


@pytest.mark.parametrize("need", sorted(NEEDS))
async def test_nothing_is_answered_without_a_key(need: tuple[str, str], http: httpx.AsyncClient) -> None:
    for headers in ({"authorization": ""}, {"authorization": "Bearer key of nobody"}, {"authorization": "Basic eDp5"}):
        answer = await call(http, *need, "mine", headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("need", sorted(NEEDS))
async def test_every_scope_of_a_route_is_needed(need: tuple[str, str], http: httpx.AsyncClient) -> None:
    for scope in NEEDS[need].scopes:
        answer = await call(http, *need, "mine", bearing(f"without-{scope}"))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), scope
        assert scope in answer.json()["detail"]


@pytest.mark.parametrize("need", sorted(NEEDS))
async def test_a_key_for_one_tenant_enters_no_other(need: tuple[str, str], http: httpx.AsyncClient) -> None:
    answer = await call(http, *need, "mine", bearing("tenant") | {"x-tenant-id": "public"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    for headers in (bearing("tenant"), bearing("tenant") | {"x-tenant-id": "t"}):
        if need[0] == "PUT" and need[1] == "/indexes/{name}":
            continue  # it would make one
        answer = await call(http, *need, "mine", headers)
        assert answer.status_code in {200, 404}, answer.text  # the tenant has nothing yet
        assert answer.status_code == 200 or answer.json()["code"] == "tenant_not_found"


@pytest.mark.parametrize("need", sorted(set(NEEDS) - {("GET", "/indexes")}))
async def test_a_key_for_one_index_reaches_no_other(need: tuple[str, str], http: httpx.AsyncClient) -> None:
    for name in ("other", "documents", "none"):
        answer = await call(http, *need, name, bearing("index"))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), name


async def test_a_key_for_one_index_sees_no_other_and_need_not_name_it(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/indexes", headers=bearing("index"))).json()["indexes"]
    assert [each["name"] for each in listed] == ["mine"]
    found = await http.post(
        "/search", json={"mode": "random", "filters": {"access_control_list": []}}, headers=bearing("index")
    )
    assert [hit["document_id"] for hit in found.json()["hits"]] == ["public"]
    assert (await http.get("/documents/alice", headers=bearing("index"))).status_code == 200
    twice = await http.get("/documents/alice?index=mine&index=other", headers=bearing("index"))
    other_first = await http.get("/documents/alice?index=other&index=mine", headers=bearing("index"))
    assert {twice.status_code, other_first.status_code} == {200, 403}


async def test_a_refusal_comes_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-length": "999999999999"}
    for bearer, status in (({"authorization": ""}, 401), (bearing(Scope.READ), 403)):
        answer = await http.post("/documents", content=b"{", headers=headers | bearer)
        assert answer.status_code == status


async def test_searching_without_a_list_needs_a_scope_of_its_own(http: httpx.AsyncClient) -> None:
    body = {"mode": "random", "index": "mine", "limit": 100, "filters": {"access_control_list": None}}
    sections = {"index": "mine", "sections": [{"document_id": "bob"}], "filters": {"access_control_list": None}}
    for path, asked in (("/search", body), ("/chunks/retrieve", sections)):
        refused = await http.post(path, json=asked, headers=bearing(Scope.READ))
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await http.post(path, json=asked, headers=bearing("without-write"))).status_code == 200
    forgotten = await http.post("/search", json=body | {"filters": {}}, headers=bearing(Scope.READ))
    assert (forgotten.status_code, forgotten.json()["code"]) == (422, "access_control_list_required")


async def token(http: httpx.AsyncClient, **fields: object) -> str:
    answer = await http.post("/tokens", json={"index": "mine", "access_control_list": [ALICE]} | fields)
    assert answer.status_code == 200, answer.text
    issued: str = answer.json()["token"]
    return issued


async def seen(http: httpx.AsyncClient, bearer: str, filters: Json | None = None, **fields: object) -> list[str]:
    body = {"embedding": NEAR, "limit": 100} | ({} if filters is None else {"filters": filters}) | fields
    answer = await http.post("/search", json=body, headers=bearing(bearer))
    assert answer.status_code == 200, answer.text
    return sorted({hit["document_id"] for hit in answer.json()["hits"]})


async def test_a_token_searches_for_whom_it_was_made(http: httpx.AsyncClient) -> None:
    alice = await token(http)
    assert await seen(http, alice) == ["alice", "both", "public"]
    assert await seen(http, alice, {"access_control_list": [ALICE, BOB]}) == ["alice", "both", "public"]
    assert await seen(http, alice, {"access_control_list": [BOB]}) == ["public"]
    assert await seen(http, alice, {"access_control_list": []}) == ["public"]
    assert await seen(http, alice, {"source_type": ["slack"]}) == ["both"]
    assert await seen(http, await token(http, filters={"source_type": ["web"]})) == ["alice"]
    assert await seen(http, await token(http, access_control_list=[])) == ["public"]
    assert await seen(http, await token(http, include_hidden=True), include_hidden=True) == [
        "alice", "both", "hidden", "public"
    ]  # fmt: skip
    sections = {"sections": [{"document_id": name} for name in ("alice", "bob", "public")]}
    chunks = (await http.post("/chunks/retrieve", json=sections, headers=bearing(alice))).json()["chunks"]
    assert [chunk["document_id"] for chunk in chunks] == ["alice", "public"]


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"access_control_list": None}},
        {"include_hidden": True},
        {"filters": {"hidden": True}},
        {"index": "other"},
        {"index": "documents"},
        {"filters": {"source_type": ["slack"]}},
    ],
    ids=str,
)
async def test_a_token_is_not_widened(http: httpx.AsyncClient, body: Json) -> None:
    narrow = await token(http, filters={"source_type": ["web"]})
    answer = await http.post("/search", json={"mode": "random"} | body, headers=bearing(narrow))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_token_is_for_searching_only_and_for_its_tenant(http: httpx.AsyncClient) -> None:
    alice = await token(http)
    for need in sorted(NEEDS):
        answer = await call(http, *need, "mine", bearing(alice))
        assert answer.status_code == (200 if NEEDS[need].tokens else 403), need
    answer = await call(http, "POST", "/search", "mine", bearing(alice) | {"x-tenant-id": "t"})
    assert answer.status_code == 403


async def test_who_may_not_read_everything_makes_no_tokens(http: httpx.AsyncClient) -> None:
    body = {"index": "mine", "access_control_list": [ALICE]}
    assert (await http.post("/tokens", json=body, headers=bearing(Scope.READ))).status_code == 403
    assert (await http.post("/tokens", json=body, headers=bearing(await token(http)))).status_code == 403
    doubled = body | {"filters": {"access_control_list": None}}
    assert (await http.post("/tokens", json=doubled)).status_code == 422
    many = body | {"access_control_list": [f"user_email:{number}@example.com" for number in range(5000)]}
    assert (await http.post("/tokens", json=many)).json()["code"] == "invalid_request"


async def test_without_a_secret_there_are_no_tokens(dsn: str) -> None:
    async with running(make_settings(dsn)) as client:
        answer = await client.post("/tokens", json={"access_control_list": []})
    assert (answer.status_code, answer.json()["code"]) == (409, "tokens_disabled")


async def test_keys_in_the_database_count_and_stop_counting(dsn: str) -> None:
    database = Database(dsn)
    await database.open()
    keys = KeyRepository(database)
    text, reader = draw_key(Grant("reader", frozenset({Scope.READ, Scope.UNRESTRICTED})))
    try:
        async with running(make_settings(dsn, token_secrets=[SECRET])) as client:

            async def refused() -> bool:
                return (await client.get("/indexes")).status_code == 401

            assert (await client.get("/indexes")).status_code == 200  # no key, this machine
            await keys.create(reader)
            await eventually(refused)
            client.headers.update(bearing(text))
            assert (await client.get("/indexes")).status_code == 200
            assert (await client.delete("/indexes/documents")).status_code == 403
            made = await client.post("/tokens", json={"access_control_list": []})
            search = {"mode": "random", "filters": {"access_control_list": []}}
            by_token = bearing(made.json()["token"])
            assert (await client.post("/search", json=search, headers=by_token)).status_code == 200
            assert await keys.revoke(str(reader.grant.key_id))
            assert not await keys.revoke(str(reader.grant.key_id))
            await eventually(refused)
            assert (await client.post("/search", json=search, headers=by_token)).status_code == 401
            assert (await client.get("/indexes", headers={"authorization": ""})).status_code == 401
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("peer", "headers", "answered"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"host": "[::1]:8080"}, True),
        ("::ffff:127.0.0.1", {"host": "127.0.0.1:8080"}, True),
        ("127.8.9.1", {"host": "api.localhost"}, True),
        ("10.0.0.7", {}, False),
        ("192.168.1.5", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"x-real-ip": "8.8.8.8"}, False),
        ("127.0.0.1", {"forwarded": "for=8.8.8.8"}, False),
        ("127.0.0.1", {"host": "evil.example"}, False),
        ("127.0.0.1", {"host": "localhost.evil.example:8080"}, False),
    ],
)
async def test_without_a_key_only_this_machine_is_answered(
    dsn: str,
    peer: str,
    headers: dict[str, str],
    answered: bool,  # noqa: FBT001  a parameter
) -> None:
    app = create_app(make_settings(dsn))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=(peer, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/indexes", headers=headers)
            assert (await client.get("/health", headers=headers)).status_code == 200
    assert answer.status_code == (200 if answered else 403)
    assert answered or answer.json()["code"] == "forbidden"


async def test_strangers_are_let_in_when_that_is_said(dsn: str) -> None:
    app = create_app(make_settings(dsn, allow_anonymous=True))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("10.0.0.7", 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://anywhere") as client:
            assert (await client.get("/indexes")).status_code == 200


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(dsn: str) -> None:
    settings = make_settings(dsn, api_keys=["a" * 20, "b" * 20], rate_limit=0.5, rate_burst=3)
    async with running(settings) as client:
        one, other = ({"authorization": f"Bearer {letter * 20}"} for letter in "ab")
        answers = [await client.get("/indexes", headers=one) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].json()["code"] == "rate_limited"
        assert answers[-1].headers["retry-after"] == "2"
        assert (await client.get("/indexes", headers=other)).status_code == 200
        oversized = one | {"content-type": "application/json", "content-length": "999999999999"}
        assert (await client.post("/documents", content=b"x", headers=oversized)).status_code == 429
        assert (await client.get("/health")).status_code == 200
