"""Writers that keep a history of what was acknowledged, and readers that hold every answer against it.

Each version of a document stamps its number on all its parts: title, metadata, and the text of each chunk. An
update stamps boost and document sets alike. So a mix of two versions shows in a single answer.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from tests.conftest import DIMENSION

Json = dict[str, Any]
State = tuple[int, int] | None
"""Version of the content and number of the last update; None is a document that is not there."""

WORDS = ("harbour", "lantern", "meadow", "pebble", "thicket", "willow")
_DELETED = {"write": 5, "update": 3, "delete": 1}


def chunk_count(version: int) -> int:
    """Return how many chunks a version has: neighbours differ, so that tails come and go."""
    return 1 + version % 4


def embedding(name: str, version: int, place: int) -> list[float]:
    """Return the embedding of a chunk."""
    rng = np.random.default_rng([*name.encode(), version, place])
    return [round(float(number), 3) for number in rng.normal(size=DIMENSION)]


def content(name: str, version: int, place: int) -> str:
    """Return the text of a chunk."""
    return f"version {version} of {name}, part {place}: {WORDS[version % len(WORDS)]} {WORDS[place % len(WORDS)]}"


def body(name: str, version: int) -> Json:
    """Return a document to index."""
    return {
        "id": name,
        "title": f"version {version}",
        "metadata": {"version": version},
        "boost": version,
        "document_sets": [f"update {version}"],
        "title_embedding": embedding(name, version, -1 % 2**31),
        "chunks": [
            {
                "chunk_index": place,
                "content": content(name, version, place),
                "embedding": embedding(name, version, place),
            }
            for place in range(chunk_count(version))
        ],
    }


def mixed(rows: Sequence[Json]) -> str | None:
    """Return what is wrong with the chunks of one document in one answer."""
    stamps = {(row["metadata"]["version"], row["boost"], row["title"], tuple(row["document_sets"])) for row in rows}
    if len(stamps) != 1:
        return f"two versions in one answer: {stamps}"
    version, update, title, sets = stamps.pop()
    if title != f"version {version}" or sets != (f"update {update}",):
        return f"a document of two versions: {title}, metadata {version}, boost {update}, sets {sets}"
    for row in rows:
        if row["content"] != content(row["document_id"], version, row["chunk_index"]):
            return f"a chunk of another version than its document: {row['content']!r} in version {version}"
    return None


@dataclass
class History:
    """What may be there: the acknowledged state of each document, or any that was asked for since without an answer."""

    possible: dict[str, set[State]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """What must never be."""

    def of(self, name: str) -> set[State]:
        """Return the states a document may be in."""
        return self.possible.setdefault(name, {None})

    def acknowledge(self, name: str, states: set[State]) -> None:
        """An answer came: the document is in one of these states."""
        self.possible[name] = states
        self.counts["acknowledged"] += 1

    def doubt(self, name: str, states: set[State]) -> None:
        """No answer came: it may have happened or not."""
        self.possible[name] = self.of(name) | states
        self.counts["in doubt"] += 1

    def check(self, holds: bool, what: str) -> None:  # noqa: FBT001  an assertion that lets the others go on
        """Note what must not be, and go on: the end of the run shows all of it."""
        if not holds:
            self.faults.append(what)


class Clients:
    """Whichever service is there: each request goes to one of them by lot."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self._https = [httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(20, connect=2)) for url in urls]
        self._chance = random.Random(seed)

    async def call(self, method: str, path: str, json: Json | None = None, *, key: str = "") -> httpx.Response | None:
        """Call once; None if no answer came."""
        http = self._chance.choice(self._https)
        try:
            return await http.request(method, path, json=json, headers={"Idempotency-Key": key} if key else {})
        except httpx.TransportError:
            return None

    async def close(self) -> None:
        """Close the connections."""
        for http in self._https:
            await http.aclose()


class Writer:
    """Writes, updates and deletes documents of its own, one request at a time."""

    def __init__(self, number: int, history: History, clients: Clients, documents: int) -> None:
        self._history = history
        self._clients = clients
        self._chance = random.Random(number)
        self._names = [f"document {number}-{place}" for place in range(documents)]
        self._turn = 0

    async def run(self, ending: asyncio.Event) -> None:
        """Work until the end is near, and finish the request under way."""
        while not ending.is_set():
            await self.step()

    async def step(self) -> None:
        """One request, and its repetitions under the same key if no answer came and the lot says so."""
        self._turn += 1
        kind = self._chance.choices(list(_DELETED), list(_DELETED.values()))[0]
        names = self._chance.sample(self._names, self._chance.randint(1, 3))
        before = {name: set(self._history.of(name)) for name in names}
        after = {name: {self._after(kind, state) for state in before[name]} for name in names}
        request = self._request(kind, names)
        key = uuid4().hex
        for attempt in range(4):
            answer = await self._clients.call(*request, key=key)
            if answer is not None and answer.status_code == httpx.codes.OK:
                self._check_answer(kind, before, answer)
                for name in names:
                    self._history.acknowledge(name, after[name])
                return
            if attempt == 0:
                for name in names:
                    self._history.doubt(name, after[name])
            await self._failed(answer)
            if self._chance.random() < 0.5:
                return

    def _request(self, kind: str, names: list[str]) -> tuple[str, str, Json]:
        if kind == "write":
            return "POST", "/documents", {"documents": [body(name, self._turn) for name in names]}
        if kind == "delete":
            return "POST", "/documents/delete", {"document_ids": names}
        change = {"document_ids": names, "boost": self._turn, "document_sets": [f"update {self._turn}"]}
        return "PATCH", "/documents", {"updates": [change]}

    def _after(self, kind: str, state: State) -> State:
        if kind == "write":
            return (self._turn, self._turn)
        if kind == "delete" or state is None:
            return None
        return (state[0], self._turn)

    def _check_answer(self, kind: str, before: dict[str, set[State]], answer: httpx.Response) -> None:
        """An answer tells of the state its write met, however often it was asked for."""
        self._history.counts["replayed"] += "idempotency-replayed" in answer.headers
        for result in answer.json()["results"]:
            met = result["already_existed" if kind == "write" else "found"]
            could = {state is not None for state in before[result["document_id"]]}
            self._history.check(met in could, f"{kind} {result}: before it was one of {before[result['document_id']]}")

    async def _failed(self, answer: httpx.Response | None) -> None:
        code = "no answer" if answer is None else f"{answer.status_code} {answer.json().get('code')}"
        self._history.counts[code] += 1
        expected = (
            answer is None or answer.status_code in {503, 504} or answer.json()["code"] == "idempotency_key_in_use"
        )
        self._history.check(expected, f"an answer nobody should get: {code} {answer and answer.text[:300]}")
        await asyncio.sleep(0.05)


class Reader:
    """Searches in every mode and looks documents up; no answer may mix versions."""

    def __init__(self, number: int, history: History, clients: Clients) -> None:
        self._history = history
        self._clients = clients
        self._chance = random.Random(1000 + number)

    async def run(self, ending: asyncio.Event) -> None:
        """Work until the end is near, and finish the request under way."""
        while not ending.is_set():
            await self.step()

    async def step(self) -> None:
        """One search or look-up."""
        if self._history.possible and self._chance.random() < 0.3:
            await self._look_up(self._chance.choice(list(self._history.possible)))
            return
        vector = [self._chance.gauss(0, 1) for _ in range(DIMENSION)]
        asked: Json = self._chance.choice([
            {"embedding": vector}, {"embedding": vector, "exact": True}, {"query": self._chance.choice(WORDS)},
            {"query": self._chance.choice(WORDS), "embedding": vector}, {"mode": "random"},
        ])  # fmt: skip
        answer = await self._clients.call("POST", "/search", asked | {"limit": 50})
        if await self._answered(answer, "searches"):
            assert answer is not None
            by_name: dict[str, list[Json]] = {}
            for hit in answer.json()["hits"]:
                by_name.setdefault(hit["document_id"], []).append(hit)
            for rows in by_name.values():
                wrong = mixed(rows)
                self._history.check(wrong is None, f"search {sorted(asked)}: {wrong}")

    async def _look_up(self, name: str) -> None:
        answer = await self._clients.call("GET", f"/documents/{name}")
        if answer is not None and answer.status_code == httpx.codes.NOT_FOUND:
            self._history.counts["look-ups"] += 1
        elif await self._answered(answer, "look-ups"):
            assert answer is not None
            wrong = half_written(answer.json())
            self._history.check(wrong is None, f"look-up: {wrong}")

    async def _answered(self, answer: httpx.Response | None, what: str) -> bool:
        if answer is not None and answer.status_code == httpx.codes.OK:
            self._history.counts[what] += 1
            return True
        if answer is not None:
            self._history.check(answer.status_code in {503, 504}, f"{what}: {answer.status_code} {answer.text[:300]}")
        await asyncio.sleep(0.05)
        return False


def half_written(shown: Json) -> str | None:
    """Return what is wrong with a document as it is stored, with its chunks."""
    head = {name: shown[name] for name in ("metadata", "boost", "title", "document_sets")} | {
        "document_id": shown["id"]
    }
    wrong = mixed([head | chunk for chunk in shown["chunks"]]) if shown["chunks"] else "no chunks"
    version = shown["metadata"]["version"]
    places = [chunk["chunk_index"] for chunk in shown["chunks"]]
    if wrong is None and places != list(range(chunk_count(version))):
        wrong = f"chunks {places} of {chunk_count(version)} in version {version}"
    return wrong


def unlike(history: History, stored: Sequence[Json]) -> Iterator[str]:
    """Compare all that is stored, while nobody writes, with what was acknowledged."""
    there = {shown["id"]: shown for shown in stored}
    for name, shown in there.items():
        if (wrong := half_written(shown)) is not None:
            yield f"{name}: {wrong}"
    for name, states in history.possible.items():
        shown_one = there.get(name)
        state = None if shown_one is None else (shown_one["metadata"]["version"], shown_one["boost"])
        if state not in states:
            yield f"{name} is {state}, and was acknowledged as one of {sorted(states, key=str)}"
    for name in there.keys() - history.possible.keys():
        yield f"{name}: written by nobody"
