"""An upgrade as the chart does it: migrate, then pod by pod, under load. No request fails.

The newer release is this code with one more migration that only adds (expand); the pods are real processes, and
what Kubernetes does around them is played: a pod is offered when it is ready, is no longer offered when it is told
to end, serves on for preStopSeconds, and gets SIGTERM.
"""

import asyncio
import os
import shutil
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import numpy as np
import pytest

from tests.conftest import DIMENSION, ROOT

CLIENTS = 4
PRE_STOP_SECONDS = 2.0
NEXT = "9999"
UP = """
ALTER TABLE documents ADD COLUMN language text;
CREATE TABLE notes (note_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL);
CREATE INDEX documents_language ON documents (index_id, language) WHERE language IS NOT NULL;
"""
VERSION = '''"""expand"""
from app.storage.migrations import run_file
revision = "9999"
down_revision = "{previous}"
branch_labels = None
depends_on = None
def upgrade() -> None:
    run_file("9999_expand.up.sql")
def downgrade() -> None:
    run_file("9999_expand.down.sql")
'''
RUN = "import sys; sys.argv = ['vector-search', *sys.argv[1:]]; from app.cli import main; main()"
rng = np.random.default_rng(3)


@dataclass
class Pod:
    process: asyncio.subprocess.Process
    client: httpx.AsyncClient


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The next release: this code and one migration more."""
    for folder in ("app", "sql", "alembic"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    previous = max(path.name.split("_")[0] for path in (tmp_path / "alembic" / "versions").glob("[0-9]*.py"))
    (tmp_path / "alembic" / "versions" / "9999_expand.py").write_text(VERSION.format(previous=previous))
    (tmp_path / "sql" / "migrations" / "9999_expand.up.sql").write_text(UP)
    (tmp_path / "sql" / "migrations" / "9999_expand.down.sql").write_text("DROP TABLE notes;")
    return tmp_path


def variables(code: Path, dsn: str, port: int) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "EMBEDDING_"))}
    return own | {
        "PYTHONPATH": str(code),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": dsn,
        "PORT": str(port),
        "VECTOR_DB_EMBEDDING_DIMENSION": str(DIMENSION),
        "LOG_LEVEL": "error",
    }


@contextmanager
def reserved_port() -> Iterator[int]:
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        yield int(place.getsockname()[1])


async def start(code: Path, dsn: str) -> Pod:
    """Start a pod and wait for its readiness probe."""
    with reserved_port() as port:
        pass
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, "serve", env=variables(code, dsn, port), cwd=code
    )
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                if (await client.get("/health/ready")).is_success:
                    return Pod(process, client)
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
    raise AssertionError(f"the pod ended with {process.returncode}")


async def stop(pod: Pod, offered: list[Pod]) -> int:
    """End a pod as Kubernetes does: not offered any more, a while later SIGTERM; return its exit code."""
    offered.remove(pod)
    await asyncio.sleep(PRE_STOP_SECONDS)
    pod.process.terminate()
    return await pod.process.wait()


async def migrate(code: Path, dsn: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, "migrate", env=variables(code, dsn, 0), cwd=code
    )
    assert await process.wait() == 0


@asynccontextmanager
async def load(offered: list[Pod]) -> AsyncIterator[Counter[str]]:
    """Index, search and update through whichever pods are offered; count what came back."""
    seen: Counter[str] = Counter()

    async def work(number: int) -> None:
        turn = 0
        while True:
            turn += 1
            vector = rng.normal(size=DIMENSION).tolist()
            name = f"{number}-{turn % 50}"
            document = {"id": name, "title": name, "content": f"text {turn}", "embedding": vector}
            calls = (
                ("POST", "/documents", {"documents": [document]}),
                ("POST", "/search", {"mode": "semantic", "embedding": vector, "limit": 3}),
                ("POST", "/search", {"mode": "random", "limit": 3}),
                ("PATCH", "/documents", {"updates": [{"document_ids": [name], "boost": turn % 5}]}),
            )
            for method, path, body in calls:
                client = offered[turn % len(offered)].client  # anew each time: the list changes
                try:
                    answer = await client.request(method, path, json=body)
                except httpx.TransportError as error:
                    seen[f"{method} {path}: {type(error).__name__}"] += 1
                else:
                    seen["ok" if answer.is_success else f"{method} {path}: {answer.status_code} {answer.text}"] += 1

    tasks = [asyncio.create_task(work(number)) for number in range(CLIENTS)]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_no_request_fails_while_old_and_new_code_share_the_migrated_schema(dsn: str, newer: Path) -> None:
    offered = [await start(ROOT, dsn), await start(ROOT, dsn)]
    old = list(offered)
    pods = list(old)
    try:
        async with load(offered) as seen:
            await asyncio.sleep(1)
            await migrate(newer, dsn)
            assert await _revision(dsn) == NEXT
            before = seen["ok"]
            await asyncio.sleep(2)  # old code on the new schema
            assert seen["ok"] > before
            codes = []
            for pod in old:
                fresh = await start(newer, dsn)
                pods.append(fresh)
                offered.append(fresh)
                await asyncio.sleep(0.5)  # old and new side by side
                codes.append(await stop(pod, offered))
            await asyncio.sleep(1)
    finally:
        for pod in pods:
            if pod.process.returncode is None:
                pod.process.terminate()
                await pod.process.wait()
            await pod.client.aclose()
    assert {outcome: count for outcome, count in seen.items() if outcome != "ok"} == {}
    assert seen["ok"] > 100
    assert codes == [0, 0]


async def test_a_rollback_needs_no_migration_down(dsn: str, newer: Path) -> None:
    await migrate(newer, dsn)
    pod = await start(ROOT, dsn)
    try:
        answer = await pod.client.post("/search", json={"mode": "random", "limit": 1})
        assert answer.is_success, answer.text
    finally:
        pod.process.terminate()
        await pod.process.wait()
        await pod.client.aclose()


async def _revision(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()
