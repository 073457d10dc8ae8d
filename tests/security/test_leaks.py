"""Nobody sees what they may not: every answer is held, document by document, against an oracle in plain Python.

A search decides about every document of its index, so one search is as many decisions as there are documents. The
service runs in several processes, each with caches of its own, and lists change while searches run. ``make leaks``
makes a million decisions, the ordinary tests some ten thousand.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.integration.test_serving import free_port, wait_until_ready
from tests.support.oracle import passes
from tests.support.worlds import ENTRIES, NUMBERS, SETS, SOURCES

Json = dict[str, Any]
INDEX = "leaks"
MANY = 100_000
SECRET = "a secret of thirty-two characters"  # noqa: S105  of the tests
KEY = "key of the leak tests"
NOW = datetime.now(UTC).replace(microsecond=0)
PRINCIPALS = (
    *ENTRIES,
    *(f"user_email:{number}@x.io" for number in range(30)),
    *(f"group:{number}" for number in range(8)),
)
MODES = ("semantic", "keyword", "random", "hybrid", "retrieve", "token")


@contextmanager
def processes(dsn: str) -> Iterator[str]:
    """Serve by two worker processes behind one port."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "DATABASE_"))}
    env |= {
        "DATABASE_URL": dsn,
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "VECTOR_SEARCH_WORKERS": "2",
        "VECTOR_SEARCH_SEARCH_CONNECTIONS": "4",
        "VECTOR_DB_EMBEDDING_DIMENSION": "8",
        "VECTOR_SEARCH_API_KEYS": f'["{KEY}"]',
        "VECTOR_SEARCH_TOKEN_SECRETS": f'["{SECRET}"]',
        "LOG_LEVEL": "error",
    }
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            wait_until_ready(process, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=40)


@asynccontextmanager
async def talking(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Talk to all processes: a connection stays with one, so every other call opens another."""
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=8)
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as http:
        yield http


def some(draw: random.Random, values: Sequence[Any], most: int) -> list[Any]:
    return draw.sample(values, draw.randint(0, min(most, len(values))))


def access(draw: random.Random) -> Json:
    return {"public": draw.random() < 0.15, "entries": some(draw, PRINCIPALS, 4)}


def moment(draw: random.Random) -> str:
    return (NOW - timedelta(days=draw.choice((1, 30, 89, 120, 400)), seconds=draw.randint(0, 3))).isoformat()


def a_document(draw: random.Random, number: int) -> Json:
    embedding = [draw.gauss(0, 1) for _ in range(8)]
    return {
        "id": f"document {number}",
        "access": access(draw),
        "hidden": draw.random() < 0.1,
        "source_type": draw.choice(SOURCES),
        "metadata": {"k": draw.choice(("v", "w", ["v", "w"])), "n": draw.randint(0, 2)},
        "document_sets": some(draw, SETS, 2),
        "persona_ids": some(draw, NUMBERS, 2),
        "project_ids": some(draw, NUMBERS, 2),
        "hierarchy_node_ids": some(draw, NUMBERS, 2),
        **({"created_at": moment(draw)} if draw.random() < 0.7 else {}),
        **({"updated_at": moment(draw)} if draw.random() < 0.7 else {}),
        "chunks": [{"chunk_index": 0, "content": f"common word number {number}", "embedding": embedding}],
    }


def a_filter(draw: random.Random) -> Json:
    clauses: Json = {
        "source_type": some(draw, SOURCES, 2),
        "tags": [{"key": "k", "value": draw.choice(("v", "w", "x"))}],
        "forced_document_sets": some(draw, SETS, 2),
        "document_sets": some(draw, SETS, 2),
        "document_ids": [f"document {draw.randrange(400)}" for _ in range(20)],
        "hierarchy_node_ids": some(draw, NUMBERS, 2),
        "persona_id": draw.choice(NUMBERS),
        "project_id": draw.choice(NUMBERS),
        "created_at": {"start": moment(draw), "end": None},
        "updated_at": {"start": (NOW - timedelta(days=draw.choice((5, 100, 500)))).isoformat(), "end": None},
        "metadata": {"n": draw.randint(0, 2)},
        "hidden": draw.choice((True, False)),
    }
    chosen = draw.sample(sorted(clauses), draw.choice((0, 0, 1, 2, 3)))
    return {name: clauses[name] for name in chosen}


@dataclass
class Version:
    """An access list with the time from which it may and must have been in force."""

    access: Json
    sent: float
    acknowledged: float


@dataclass
class World:
    """What was written, with its history."""

    documents: dict[str, Json]
    history: dict[str, list[Version]]
    decisions: int = 0
    undecided: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self, filters: Json, found: set[str], began: float, ended: float, how: str) -> None:
        """Hold an answer against what may have been in force while it was made."""
        for name, document in self.documents.items():
            allowed = {
                passes(document | {"access": version.access}, filters, include_hidden=False, now=NOW)
                for version, following in zip(self.history[name], [*self.history[name][1:], None], strict=True)
                if version.sent <= ended and (following is None or following.acknowledged >= began)
            }
            self.decisions += 1
            self.undecided += len(allowed) > 1
            if (name in found) not in allowed:
                self.wrong.append(f"{how}: {name} {'shown' if name in found else 'kept back'}, {filters}")


async def filled(http: httpx.AsyncClient, draw: random.Random, wanted: int) -> World:
    number_of_documents = 400 if wanted < MANY else 2_000
    documents = [a_document(draw, number) for number in range(number_of_documents)]
    assert (await http.put(f"/indexes/{INDEX}", json={"embedding_dimension": 8})).status_code == 201
    for start in range(0, number_of_documents, 100):
        batch = {"index": INDEX, "documents": documents[start : start + 100]}
        assert (await http.post("/documents", json=batch)).status_code == 200
    by_id = {document["id"]: document for document in documents}
    return World(by_id, {name: [Version(each["access"], 0.0, 0.0)] for name, each in by_id.items()})


async def ask(http: httpx.AsyncClient, mode: str, filters: Json, draw: random.Random) -> set[str]:
    """Ask for everything that passes a filter; return the documents shown."""
    headers: dict[str, str] = {}
    body: Json = {"index": INDEX, "limit": 5_000, "filters": filters}
    if mode == "retrieve":
        sections = [{"document_id": f"document {number}"} for number in range(2_000)]
        return await shown(
            http, "/chunks/retrieve", {"index": INDEX, "sections": sections, "filters": filters}, headers
        )
    if mode == "token":
        entries = filters["access_control_list"]
        made = await http.post("/tokens", json={"index": INDEX, "access_control_list": entries, "expires_in": 60})
        headers = {"authorization": f"Bearer {made.json()['token']}"}
        # Whatever the search says of its list, what the token says holds.
        wider = {name: value for name, value in filters.items() if name not in {"access_control_list", "hidden"}}
        body |= {"filters": wider | draw.choice(({}, {"access_control_list": list(PRINCIPALS)})), "mode": "random"}
    elif mode == "keyword":
        body |= {"mode": mode, "query": "common word", "highlight": False}
    elif mode == "hybrid":
        body |= {
            "mode": mode, "query": "common word", "embedding": [1.0] * 8, "candidate_limit": 5_000, "highlight": False
        }  # fmt: skip
    else:
        body |= {"mode": mode} | ({"embedding": [1.0] * 8} if mode == "semantic" else {})
    return await shown(http, "/search", body, headers)


async def shown(http: httpx.AsyncClient, path: str, body: Json, headers: dict[str, str]) -> set[str]:
    answer = await http.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return {each["document_id"] for each in answer.json()["hits" if path == "/search" else "chunks"]}


async def search_and_check(http: httpx.AsyncClient, world: World, draw: random.Random, lists: list[list[str]]) -> None:
    mode = draw.choice(MODES)
    # Some lists come again and again, and are remembered; others are new each time.
    entries = draw.choice(lists) if draw.random() < 0.6 else some(draw, PRINCIPALS, 6)
    filters = {"access_control_list": entries} | a_filter(draw)
    if mode == "token":
        filters.pop("hidden", None)
    began = time.monotonic()
    found = await ask(http, mode, filters, draw)
    world.check(filters, found, began, time.monotonic(), mode)


async def change(http: httpx.AsyncClient, world: World, draw: random.Random) -> None:
    """Change who may read some documents."""
    names = draw.sample(sorted(world.documents), 8)
    updates: list[Json] = [{"document_ids": [name], "access": access(draw)} for name in names]
    versions = [Version(update["access"], time.monotonic(), float("inf")) for update in updates]
    for name, version in zip(names, versions, strict=True):
        world.history[name].append(version)
    answer = await http.patch("/documents", json={"index": INDEX, "updates": updates})
    assert answer.status_code == 200, answer.text
    for version in versions:
        version.acknowledged = time.monotonic()


@pytest.fixture
def wanted(request: pytest.FixtureRequest) -> int:
    number: int = request.config.getoption("--decisions")
    return number


async def test_every_decision_is_right_across_modes_caches_and_processes(dsn: str, wanted: int) -> None:
    draw = random.Random(8)
    with processes(dsn) as url:
        async with talking(url) as http:
            world = await filled(http, draw, wanted)
            lists = [some(draw, PRINCIPALS, 6) for _ in range(12)]
            while world.decisions < wanted * 0.6:
                await asyncio.gather(*[search_and_check(http, world, draw, lists) for _ in range(8)])
            assert world.undecided == 0
    print(f"\n{world.decisions} decisions without changes, {len(world.wrong)} wrong")  # noqa: T201  the figure
    assert world.wrong == []


async def test_every_decision_is_right_while_access_changes(dsn: str, wanted: int) -> None:
    draw = random.Random(9)
    with processes(dsn) as url:
        async with talking(url) as http:
            world = await filled(http, draw, wanted)
            lists = [some(draw, PRINCIPALS, 6) for _ in range(12)]

            async def changing() -> None:
                while True:
                    await change(http, world, draw)
                    await asyncio.sleep(0.01)

            changes = asyncio.create_task(changing())
            while world.decisions < wanted * 0.4 and not changes.done():
                await asyncio.gather(*[search_and_check(http, world, draw, lists) for _ in range(4)])
            assert not changes.done(), changes.exception()
            changes.cancel()
            await asyncio.gather(changes, return_exceptions=True)
            versions = sum(map(len, world.history.values())) - len(world.documents)
    print(f"\n{world.decisions} decisions during {versions} changes, {world.undecided} either way, "  # noqa: T201
          f"{len(world.wrong)} wrong")  # fmt: skip
    assert world.wrong == []
    assert versions > 50
    assert world.undecided < world.decisions / 10
