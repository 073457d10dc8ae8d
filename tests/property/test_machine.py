"""Every call that writes, in any order, for two tenants: after each step every call that reads shows the same.

The model knows who may see which document and what it says. `make fuzz` plays longer, and differently each time.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import uuid4

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import embedded
from tests.api.calls import ALICE, BOB, NEAR, Json, chunk, path_of
from tests.conftest import make_settings, running, temporary_database

FUZZING = "FUZZ_HISTORIES" in os.environ
PLAYED = settings(
    max_examples=int(os.environ.get("FUZZ_HISTORIES", "4")),
    stateful_step_count=20,
    deadline=None,
    derandomize=not FUZZING,
    database=None,
    phases=[Phase.generate],  # shrinking goes through the database and takes minutes
    suppress_health_check=list(HealthCheck),
)
INDEX = "machine"
TENANTS = ("public", "acme")
NAMES = ("a", "b/ü?", "c'; --", "d" * 300)
Access = tuple[bool, tuple[str, ...]]
"""Whether it is public, and whose entries it names."""

tenants, names = st.sampled_from(TENANTS), st.sampled_from(NAMES)
accesses = st.sampled_from([(True, ()), (False, (ALICE,)), (False, (BOB, ALICE)), (False, ())])


@dataclass(frozen=True)
class Known:
    """A document of the model."""

    texts: tuple[str, ...]
    public: bool
    entries: tuple[str, ...]
    hidden: bool = False

    def seen_by(self, entry: str | None) -> bool:
        return not self.hidden and (self.public or entry in self.entries)


class Player:
    """The service, asked from outside of any event loop."""

    def __init__(self, runner: asyncio.Runner, http: httpx.AsyncClient) -> None:
        self._runner = runner
        self._http = http

    def call(
        self, tenant: str, method: str, path: str, *, status: int = 200, body: Json | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        sent: Json = {"content": body} if isinstance(body, bytes) else {"json": body}
        named = {"x-tenant-id": tenant} | dict(headers or {})
        answer = self._runner.run(self._http.request(method, path, headers=named, **sent))
        assert answer.status_code == status, (method, path, body, answer.text)
        return answer

    def ask(self, tenant: str, path: str, **fields: object) -> Json:
        found: Json = self.call(tenant, "POST", path, body={"index": INDEX} | fields).json()
        return found


class Machine(RuleBasedStateMachine):
    """Writes through every call, and what is known afterwards."""

    player: ClassVar[Player]

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, dict[str, Known]] = {tenant: {} for tenant in TENANTS}
        self.turn = 0

    @initialize()
    def begin(self) -> None:
        for tenant in TENANTS:
            listed = self.player.call(tenant, "GET", "/indexes").json()["indexes"]
            if INDEX in {each["name"] for each in listed}:
                self.player.call(tenant, "DELETE", f"/indexes/{INDEX}", status=204)
            self.player.call(tenant, "PUT", f"/indexes/{INDEX}", body={"embedding_dimension": 8}, status=201)

    @rule(
        tenant=tenants,
        name=names,
        chunks=st.integers(1, 3),
        access=accesses,
        mode=st.sampled_from(["replace", "create"]),
    )
    def index(self, tenant: str, name: str, chunks: int, access: Access, mode: str) -> None:
        made = self._make(chunks, access, self.known[tenant].get(name))
        body = {"index": INDEX, "mode": mode, "documents": [_document(name, made)]}
        self.player.call(tenant, "POST", "/documents", body=body)
        if mode == "replace" or name not in self.known[tenant]:
            self.known[tenant][name] = made

    @rule(tenant=tenants, some=st.sets(names, min_size=1), access=accesses)
    def stream(self, tenant: str, some: set[str], access: Access) -> None:
        made = {name: self._make(2, access, self.known[tenant].get(name)) for name in sorted(some)}
        lines = b"\n".join(orjson.dumps(_document(name, each)) for name, each in made.items())
        headers = {"content-type": "application/x-ndjson"}
        answer = self.player.call(tenant, "POST", f"/documents/bulk?index={INDEX}", body=lines, headers=headers)
        assert orjson.loads(answer.content.splitlines()[-1])["documents"] == len(made)
        self.known[tenant] |= made

    @rule(tenant=tenants, name=names, access=accesses, committed=st.booleans())
    def upload(self, tenant: str, name: str, access: Access, *, committed: bool) -> None:
        made, upload = self._make(3, access, self.known[tenant].get(name)), f"/uploads/{uuid4()}"
        chunks = _document(name, made)["chunks"]
        for part, some in enumerate((chunks[:2], chunks[2:])):
            self.player.call(tenant, "PUT", f"{upload}/parts/{part}", body={"index": INDEX, "chunks": some})
        if committed:
            head = {key: value for key, value in _document(name, made).items() if key != "chunks"}
            self.player.call(tenant, "POST", f"{upload}/commit", body={"index": INDEX, "document": head, "parts": 2})
            self.known[tenant][name] = made
        else:
            self.player.call(tenant, "DELETE", f"{upload}?index={INDEX}", status=204)

    @rule(
        tenant=tenants, some=st.sets(names, min_size=1), access=st.none() | accesses, hidden=st.none() | st.booleans()
    )
    def update(
        self,
        tenant: str,
        some: set[str],
        access: Access | None,
        *,
        hidden: bool | None,
    ) -> None:
        fields: Json = {"boost": 1}
        if access is not None:
            fields["access"] = {"public": access[0], "entries": list(access[1])}
        if hidden is not None:
            fields["hidden"] = hidden
        updates = [{"document_ids": sorted(some)} | fields]
        self.player.call(tenant, "PATCH", "/documents", body={"index": INDEX, "updates": updates})
        for name in some & self.known[tenant].keys():
            changed = self.known[tenant][name]
            if access is not None:
                changed = replace(changed, public=access[0], entries=access[1])
            self.known[tenant][name] = changed if hidden is None else replace(changed, hidden=hidden)

    @rule(tenant=tenants, some=st.sets(names, min_size=1), by_path=st.booleans())
    def delete(self, tenant: str, some: set[str], *, by_path: bool) -> None:
        if by_path:
            name = min(some)
            self.player.call(tenant, "DELETE", f"{path_of(name)}?index={INDEX}")
            self.known[tenant].pop(name, None)
        else:
            answers = self.player.ask(tenant, "/documents/delete", document_ids=sorted(some))["results"]
            found = {each["document_id"] for each in answers if each["found"]}
            assert found == some & self.known[tenant].keys()
            for name in found:
                del self.known[tenant][name]

    @rule(tenant=tenants, name=names)
    def change_what_has_changed(self, tenant: str, name: str) -> None:
        """Under the state of something else nothing is written."""
        body = {"index": INDEX, "documents": [_document(name, Known(("other",), public=True, entries=()))]}
        self.player.call(tenant, "POST", "/documents", body=body, headers={"if-match": '"0-0"'}, status=412)

    @rule(tenant=tenants)
    def empty(self, tenant: str) -> None:
        answer = self.player.call(tenant, "DELETE", f"/indexes/{INDEX}/documents?limit=100").json()
        assert (answer["deleted"], answer["remaining"]) == (len(self.known[tenant]), 0)
        self.known[tenant] = {}

    @invariant()
    def documents_are_those_known(self) -> None:
        for tenant, known in self.known.items():
            page = self.player.call(tenant, "GET", f"/documents?index={INDEX}").json()
            counts = {each["id"]: each["chunk_count"] for each in page["documents"]}
            assert counts == {name: len(each.texts) for name, each in known.items()}

    @invariant()
    def searches_find_what_may_be_seen(self) -> None:
        for tenant, known in self.known.items():
            for entry in (ALICE, BOB, None):
                expected = {
                    (name, place)
                    for name, each in known.items()
                    if each.seen_by(entry)
                    for place in range(len(each.texts))
                }
                filters = {"access_control_list": [entry] if entry else []}
                for more in (
                    {"embedding": NEAR},
                    {"query": "text", "mode": "keyword"},
                    {"query": "text", "embedding": NEAR},
                ):
                    answer = self.player.ask(tenant, "/search", limit=100, filters=filters, **more)
                    assert {(hit["document_id"], hit["chunk_index"]) for hit in answer["hits"]} == expected

    @invariant()
    def looking_up_shows_whole_documents(self) -> None:
        for tenant, known in self.known.items():
            sections = [{"document_id": name} for name in NAMES]
            filters = {"access_control_list": [ALICE]}
            chunks = self.player.ask(tenant, "/chunks/retrieve", sections=sections, filters=filters)["chunks"]
            shown: dict[str, list[str]] = {}
            for each in chunks:
                shown.setdefault(each["document_id"], []).append(each["content"])
            assert shown == {name: list(each.texts) for name, each in known.items() if each.seen_by(ALICE)}
            for name in NAMES:
                entries = {"document_id": name, "access_control_list": [BOB]}
                visible = name in known and known[name].seen_by(BOB)
                assert self.player.ask(tenant, "/access/explain", **entries)["visible"] == visible

    def _make(self, chunks: int, access: Access, before: Known | None) -> Known:
        """Make a document whose texts were never there before; what hides it stays."""
        self.turn += 1
        texts = tuple(f"text {self.turn} part {place}" for place in range(chunks))
        return Known(texts, *access, hidden=before is not None and before.hidden)


def _document(name: str, known: Known) -> Json:
    chunks = [chunk(place, text) for place, text in enumerate(known.texts)]
    return {"id": name, "access": {"public": known.public, "entries": list(known.entries)}, "chunks": chunks}


@pytest.fixture
def player(postgres: embedded.EmbeddedServer, template: str) -> Iterator[Player]:
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        dsn = runner.run(opened.enter_async_context(temporary_database(postgres, template)))
        http = runner.run(opened.enter_async_context(running(make_settings(dsn))))
        yield Player(runner, http)
        runner.run(opened.aclose())


def test_every_reading_call_agrees_after_any_writes(player: Player) -> None:
    Machine.player = player
    run_state_machine_as_test(Machine, settings=PLAYED)
