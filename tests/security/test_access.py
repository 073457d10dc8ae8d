"""Why somebody sees a document, who looked without an access list, and what is told of words that are not theirs."""

from typing import Any

import httpx

from tests.api.calls import ALICE, BOB, NEAR, chunk, document, found, guarded_index, index
from tests.conftest import make_settings, running
from tests.support.log_lines import LogLines

Json = dict[str, Any]


CASES: list[tuple[str, list[str] | None, bool, list[str], list[str]]] = [
    ("public", [], True, ["public"], []),
    ("public", [ALICE], True, ["public"], []),
    ("both", [BOB, "x", ALICE, BOB], True, ["entry_matched"], [BOB, ALICE]),
    ("alice", [BOB], False, ["no_entry_matched"], []),
    ("alice", [], False, ["access_list_empty"], []),
    ("alice", None, True, ["no_access_list"], []),
    ("nobody", [ALICE], False, ["no_entry_matched"], []),
    ("hidden", [ALICE], False, ["hidden", "public"], []),
    ("hidden", None, False, ["hidden", "no_access_list", "public"], []),
    ("secret", [ALICE], False, ["hidden", "entry_matched"], [ALICE]),
    ("missing", [ALICE], False, ["document_not_found"], []),
]


async def test_why_somebody_sees_a_document(client: httpx.AsyncClient) -> None:
    await guarded_index(client)
    await index(
        client,
        document("public"),
        document("both", access={"public": False, "entries": [ALICE, BOB]}),
        document("alice", access={"public": False, "entries": [ALICE]}),
        document("nobody", access={"public": False, "entries": []}),
        document("hidden", hidden=True),
        document("secret", hidden=True, access={"public": False, "entries": [ALICE]}),
        index="guarded",
    )
    for name, asked, visible, reasons, matched in CASES:
        body = {"index": "guarded", "document_id": name, "access_control_list": asked}
        answer = (await client.post("/access/explain", json=body)).json()
        assert (answer["visible"], answer["reasons"]) == (visible, reasons), (name, asked)
        assert answer["matched_entries"] == matched
        seen = name in await found(client, {"access_control_list": asked}, index="guarded")
        assert answer["found_by_search"] == answer["visible"] == seen


async def test_what_administrators_do_and_reading_without_a_list_is_audited(dsn: str, lines: LogLines) -> None:
    keys = [{"name": "root", "key": "key of root", "scopes": ["read", "write", "admin", "unrestricted"]},
            {"name": "reader", "key": "key of reader", "scopes": ["read"]}]  # fmt: skip
    async with running(make_settings(dsn, api_keys=keys)) as client:
        root, reader = ({"authorization": f"Bearer key of {name}"} for name in ("root", "reader"))
        everything = {"access_control_list": None}
        calls: list[tuple[str, str, Json | None, dict[str, str]]] = [
            ("PUT", "/indexes/i", {"embedding_dimension": 8}, root),
            ("POST", "/search", {"index": "i", "mode": "random", "filters": everything}, root),
            ("POST", "/search", {"index": "i", "mode": "random", "filters": {"access_control_list": []}}, root),
            ("POST", "/search", {"index": "i", "mode": "random", "filters": everything}, reader),
            ("POST", "/chunks/retrieve", {"sections": [{"document_id": "x"}], "filters": everything}, root),
            ("GET", "/documents/x?index=i", None, root),
            ("GET", "/indexes", None, reader),
            ("DELETE", "/indexes/i", None, reader),
            ("DELETE", "/indexes/i", None, root),
            ("POST", "/documents", {"documents": [document("a")]}, root),
        ]  # fmt: skip
        for method, path, body, headers in calls:
            await client.request(method, path, json=body, headers=headers | {"x-request-id": "turn"})
    audits = lines.events("audit")
    assert [(each["action"], each["caller"], each["index"], each["status"]) for each in audits] == [
        ("PUT /indexes/{name}", "root", "i", 201),
        ("POST /search", "root", "i", 200),
        ("POST /search", "reader", "i", 403),
        ("POST /chunks/retrieve", "root", "documents", 200),
        ("GET /documents/{document_id:text}", "root", "i", 404),
        ("DELETE /indexes/{name}", "reader", None, 403),
        ("DELETE /indexes/{name}", "root", "i", 204),
    ]
    assert {each["tenant"] for each in audits} == {"public"}
    assert {each["request_id"] for each in audits} == {"turn"}


async def test_words_of_others_are_not_told(client: httpx.AsyncClient) -> None:
    await guarded_index(client)
    secret = document("secret", chunks=0, access={"public": False, "entries": [BOB]})
    shared = document("shared", chunks=0)
    secret["chunks"] = [chunk(0, "project zebrafish acquisition acquires")]
    shared["chunks"] = [chunk(0, "the acquired taste of acquiring zebra stripes")]
    await index(client, secret, shared, index="guarded")

    async def told(query: str, entries: list[str] | None) -> set[str]:
        body = {"index": "guarded", "query": query, "mode": "keyword", "filters": {"access_control_list": entries}}
        answer = (await client.post("/search", json=body)).json()
        return {word for each in answer["expansions"] for word in each["words"]}

    everything = await told("zebr*", None)
    assert "zebrafish" in everything
    assert await told("zebr*", [ALICE]) == {"zebra"} & everything
    assert "zebrafish" in await told("zebr*", [BOB])
    assert await told("zebrafsh", [ALICE]) == set()
    for query in ("acqu*", "zebrafishh", "projct"):
        assert await told(query, []) <= {"acquired", "acquiring", "zebra"}


async def test_secrets_are_in_no_line_and_no_answer(dsn: str, lines: LogLines) -> None:
    secrets = {
        "plain": "plain-key-0123456789abcdef",
        "named": "named-key-0123456789abcdef",
        "tokens": "token-secret-0123456789abcdef0123456789",
        "embedding": "embedding-key-0123456789",
        "password": "database-password-0123",
    }
    keys = [secrets["plain"], {"name": "named", "key": secrets["named"], "scopes": ["read"]}]
    options: Json = {
        "api_keys": keys, "token_secrets": [secrets["tokens"]], "embedding_api_key": secrets["embedding"],
        "embedding_api_base": "http://127.0.0.1:9/v1", "log_level": "debug",
    }  # fmt: skip
    shown = []
    settings = make_settings(dsn, **options)
    unreachable = make_settings(f"postgresql://u:{secrets['password']}@127.0.0.1:9/none", **options)
    for each in (settings, unreachable):
        async with running(each) as client:
            for secret in (secrets["plain"], secrets["named"], "wrong-key-0123456789", secrets["plain"] + "\t"):
                bearer = {"authorization": f"Bearer {secret}"}
                made = await client.post("/tokens", json={"access_control_list": [ALICE]}, headers=bearer)
                token = made.json().get("token", "vst_a.b.c")
                for headers in (bearer, {"authorization": f"Bearer {token}"}):
                    for path, body in (
                        ("/search", {"query": "x", "mode": "semantic"}),
                        ("/search", {"embedding": NEAR, "filters": {"access_control_list": None}}),
                        ("/documents", {"documents": [{"id": "a", "content": "x"}]}),
                        ("/nothing", {}),
                    ):
                        shown.append((await client.post(path, json=body, headers=headers)).text)
                if "token" in made.json():
                    secrets[token[:30]] = token
            shown += [(await client.get(path)).text for path in ("/metrics", "/openapi.json", "/health/ready", "/docs")]
    text = "\n".join([*lines.raw, *shown, repr(settings), repr(unreachable), str(settings)])
    assert len(lines.raw) > 50
    assert {name: secret for name, secret in secrets.items() if secret in text} == {}
    assert "wrong-key-0123456789" not in text
