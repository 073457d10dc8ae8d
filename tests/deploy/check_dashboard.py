"""Puts a service under every kind of load and has a real Prometheus answer every query of the dashboard.

Needs `prometheus` and `promtool` on the path (Debian: prometheus); `make test-deploy` runs it. The service runs on
an embedded PostgreSQL in a temporary folder, beside an embeddings endpoint that answers random vectors.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

from tests.standins.rows import vespa_rows
from tests.standins.serving import serve
from tests.standins.vespa import VespaStandIn

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
DIMENSION = 16
SECONDS = float(os.environ.get("LOAD_SECONDS", "75"))

rng = np.random.default_rng(11)


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def vector() -> list[float]:
    """Draw an embedding."""
    return [float(number) for number in rng.normal(size=DIMENSION)]


async def embeddings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer POST /v1/embeddings on one connection, as an OpenAI-compatible endpoint does."""
    while not reader.at_eof():
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            break
        [length] = re.findall(rb"content-length: (\d+)", head.lower())
        asked = json.loads(await reader.readexactly(int(length)))["input"]
        data = [{"index": i, "embedding": vector()} for i, _ in enumerate(asked)]
        body = json.dumps({"data": data, "model": "test", "object": "list"}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
    writer.close()


@contextmanager
def process(command: list[str | Path], **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program for the time of a block."""
    running = subprocess.Popen(command, env=os.environ | variables, cwd=ROOT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=40)


async def until(what: str, is_so: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if await is_so():
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.5)
    raise SystemExit(f"{what}: not within {seconds} s")


async def load(client: httpx.AsyncClient, end: float) -> None:
    """Index, search in every way, update, delete and err until a moment."""
    turn = 0
    while time.monotonic() < end:
        turn += 1
        documents = [
            {
                "id": f"d{turn % 40}-{i}",
                "title": f"T{i}",
                "content": f"words of document {i} {turn % 7}",
                "embedding": vector(),
            }
            for i in range(25)
        ]
        documents[0].pop("embedding")  # the endpoint makes it
        for _ in range(2):  # the second time nothing has changed
            (await client.post("/documents", json={"documents": documents})).raise_for_status()
        acl = {"access_control_list": ["user_email:a@x.io"]}
        for body in (
            {"mode": "semantic", "embedding": vector()},
            {"mode": "semantic", "embedding": vector(), "exact": True},
            {"mode": "semantic", "embedding": vector(), "filters": acl},
            {"mode": "keyword", "query": "words document"},
            {"mode": "hybrid", "query": "words document", "embedding": vector()},
            {"mode": "random"},
        ):
            (await client.post("/search", json={"limit": 5} | body)).raise_for_status()
        await client.patch("/documents", json={"updates": [{"document_ids": ["d1-1"], "boost": turn}]})
        await client.delete(f"/documents/d{turn % 40}-3")
        await client.get("/documents/nobody")
        await client.post("/search", json={"mode": "semantic"})
        await asyncio.sleep(0.02)


def queries() -> list[tuple[str, str]]:
    """Return the dashboard's queries with Grafana's variables filled in."""
    board = json.loads((MONITORING / "dashboards" / "onyx-vector-search.json").read_text("utf-8"))
    targets = [(p["title"], t["expr"]) for p in board["panels"] for t in p.get("targets", [])]
    return [(title, expr.replace("$job", ".*").replace("$__rate_interval", "30s")) for title, expr in targets]


async def check(prometheus: httpx.AsyncClient) -> list[str]:
    """Return what is wrong: queries without data, rules that fail or fire."""
    wrong = []
    for title, query in queries():
        answer = (await prometheus.get("/api/v1/query", params={"query": query})).json()
        samples = [float(found["value"][1]) for found in answer.get("data", {}).get("result", [])]
        numbers = [sample for sample in samples if sample == sample]  # noqa: PLR0124  NaN is no data
        print(f"  {title:32} {len(numbers):3} series")
        if not numbers:
            wrong.append(f"{title}: no data for {query}")
    groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
    rules: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]
    wrong += [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
    wrong += [f"{rule['name']} is {rule['state']}" for rule in rules if rule["state"] == "firing"]
    print(f"  {len(rules)} alerts evaluated")
    return wrong


@contextmanager
def importing(port: int, **variables: str) -> Iterator[None]:
    """Have an import under way that takes its time, meets errors and takes rows with assumptions."""

    async def slowly(_slice: int, _page: list[str]) -> None:
        await asyncio.sleep(1.5)

    rows = vespa_rows(400)
    for fields in list(rows.values())[::3]:
        del fields["access_control_list"]
    standin = VespaStandIn(rows, on_page=slowly, troubles={slice_id: [503] for slice_id in range(4)})
    with serve(standin.app()) as url:
        options = ["--index", "moved", "--schema", "danswer_chunk", "--dimension", "8", "--page-size", "10"]
        program = Path(sys.executable).with_name("vector-search")
        with process([program, "import-vespa", url, *options, "--metrics-port", str(port), "--json"], **variables):
            yield


def prometheus_config(folder: Path, *targets: str) -> Path:
    """Write what compose's Prometheus has, for another target and a shorter pace."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    config["rule_files"] = [str(MONITORING / "alerts" / "*.yaml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": list(targets)}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    subprocess.run(["promtool", "check", "config", path], check=True)
    return path


async def run(folder: Path) -> list[str]:
    """Start everything, load it, ask."""
    service_port, prometheus_port, endpoint_port, import_port = (free_port() for _ in range(4))
    variables = {
        "PORT": str(service_port),
        "DATA_DIR": str(folder / "data"),
        "VECTOR_DB_EMBEDDING_DIMENSION": str(DIMENSION),
        "VECTOR_SEARCH_ANN_THRESHOLD": "300",
        "VECTOR_SEARCH_MAINTENANCE_INTERVAL": "2",
        "EMBEDDING_API_BASE": f"http://127.0.0.1:{endpoint_port}/v1",
        "LOG_LEVEL": "warning",
    }
    config = prometheus_config(folder, f"127.0.0.1:{service_port}", f"127.0.0.1:{import_port}")
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn"]
    listen = f"--web.listen-address=127.0.0.1:{prometheus_port}"
    async with await asyncio.start_server(embeddings, "127.0.0.1", endpoint_port):
        with (
            process([Path(sys.executable).with_name("vector-search"), "serve"], **variables),
            process([*command, listen]),
        ):
            service = httpx.AsyncClient(base_url=f"http://127.0.0.1:{service_port}", timeout=30)
            prometheus = httpx.AsyncClient(base_url=f"http://127.0.0.1:{prometheus_port}", timeout=30)
            async with service, prometheus:
                await until("service", lambda: _is_ok(service, "/health/ready"))
                await until("prometheus", lambda: _is_ok(prometheus, "/-/ready"))
                body = {"embedding_dimension": DIMENSION}
                (await service.put("/indexes/other", json=body)).raise_for_status()
                with importing(import_port, **variables):
                    loading = asyncio.create_task(load(service, time.monotonic() + SECONDS))
                    await asyncio.sleep(SECONDS - 3)
                    await service.get("/health/ready")
                    wrong = await check(prometheus)
                exposition = (await service.get("/metrics")).content
                await loading
    return wrong + lint(exposition)


def lint(exposition: bytes) -> list[str]:
    """Let promtool judge the names and texts of the metrics."""
    done = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, check=False)
    return [done.stderr.decode()] if done.returncode else []


async def _is_ok(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).is_success


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)  # the embedded PostgreSQL may run as another user
        found = asyncio.run(run(Path(temporary)))
    if found:
        raise SystemExit("\n".join(found))
    print("every query has data, every rule evaluates, no alert fires")
