"""Writes that hold only while a document is as its writer saw it."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.api.calls import Json, document, index, stored, update

Write = Callable[[httpx.AsyncClient, dict[str, str]], Awaitable[httpx.Response]]


async def replace(http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await http.post("/documents", json={"documents": [document("a", boost=7)]}, headers=headers)


async def change(http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    body = {"updates": [{"document_ids": ["a"], "boost": 7}, {"document_ids": ["a"], "hidden": False}]}
    return await http.patch("/documents", json=body, headers=headers)


async def remove(http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await http.delete("/documents/a", headers=headers)


async def remove_by_list(http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await http.post("/documents/delete", json={"document_ids": ["a"]}, headers=headers)


WRITES = pytest.mark.parametrize("write", [replace, change, remove, remove_by_list])


async def tag(http: httpx.AsyncClient, **parameters: str) -> str:
    answer = await http.get("/documents/a", params=parameters)
    assert answer.status_code == 200
    return answer.headers["etag"]


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed"), answer.text


@WRITES
async def test_what_is_as_it_was_seen_is_written(client: httpx.AsyncClient, write: Write) -> None:
    await index(client, document("a", boost=1))
    assert (await write(client, {"If-Match": await tag(client)})).status_code == 200
    answer = await client.get("/documents/a")
    assert answer.status_code == 404 if write in {remove, remove_by_list} else answer.json()["boost"] == 7


@WRITES
async def test_what_changed_meanwhile_is_left_alone(client: httpx.AsyncClient, write: Write) -> None:
    await index(client, document("a", boost=1))
    seen = await tag(client)
    await update(client, {"document_ids": ["a"], "boost": 3})
    check_refused(await write(client, {"If-Match": seen}))
    assert (await stored(client, "a"))["boost"] == 3


@WRITES
async def test_what_is_gone_is_not_written(client: httpx.AsyncClient, write: Write) -> None:
    await index(client, document("b"))
    for header in ("*", '"4f1c"'):
        check_refused(await write(client, {"If-Match": header}))
    assert (await client.get("/documents/a")).status_code == 404


@pytest.mark.parametrize(
    "later",
    [
        {"title": "another"}, {"metadata": {"k": "w"}}, {"hidden": True}, {"access": {"public": False, "entries": []}},
        {"title_embedding": [0.5] * 8}, {"version": 4}, {"chunks": [{"chunk_index": 0, "content": "other text"}]},
        {"chunks": [{"chunk_index": 0, "content": "a part 0", "embedding": [0.0] * 7 + [1.0]}]},
    ],
)  # fmt: skip
async def test_every_change_is_another_state(client: httpx.AsyncClient, later: Json) -> None:
    first = document("a", metadata={"k": "v"}, title="one", title_embedding=[1.0] * 8, version=3)
    await index(client, first)
    before = await tag(client)
    if "chunks" in later:
        later = {"chunks": [first["chunks"][0] | later["chunks"][0]]}
    await index(client, first | later)
    assert await tag(client) != before


async def test_what_changes_nothing_is_the_same_state(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    before = await tag(client)
    await index(client, document("a"))
    await index(client, document("b", boost=9))
    assert await tag(client, chunks="false") == before


async def test_of_several_tags_one_must_fit_and_weak_ones_never_do(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    seen = await tag(client)
    check_refused(await change(client, {"If-Match": f"W/{seen}"}))
    assert (await change(client, {"If-Match": f'"other" , {seen},W/"more"'})).status_code == 200
    assert (await change(client, {"If-Match": "*"})).status_code == 200


@pytest.mark.parametrize("header", ["", "unquoted", '"open', '"a" "b"', '"a",,"b"'])
async def test_what_is_no_tag_is_refused(client: httpx.AsyncClient, header: str) -> None:
    await index(client, document("a"))
    answer = await remove(client, {"If-Match": header})
    assert answer.status_code in ({412} if header == "" else {422}), answer.text
    assert (await client.get("/documents/a")).status_code == 200


async def test_it_is_about_one_document(client: httpx.AsyncClient) -> None:
    batch = {"documents": [document("a"), document("b")]}
    answer = await client.post("/documents", json=batch, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "If-Match")


async def test_of_many_who_saw_the_same_one_writes(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    seen = await tag(client)
    changes = [{"updates": [{"document_ids": ["a"], "boost": boost}]} for boost in range(1, 9)]
    answers = await asyncio.gather(
        *[client.patch("/documents", json=each, headers={"If-Match": seen}) for each in changes]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (written,) = [place for place, answer in enumerate(answers, start=1) if answer.status_code == 200]
    assert (await stored(client, "a"))["boost"] == written


async def test_repeated_under_its_key_it_is_answered_as_at_first(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    headers = {"If-Match": await tag(client), "Idempotency-Key": "k"}
    first, again = await change(client, headers), await change(client, headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
