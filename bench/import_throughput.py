"""How fast, and in how much memory, an import fills an index from Vespa's visits.

    python bench/import_throughput.py --chunks 200000 --dimension 768 --page-size 500

Rows are made beforehand and served from a file by a process of its own; PostgreSQL is the embedded one, durable.
Each row has a title embedding too, as Onyx's have: 2 x dimension numbers as JSON text.
"""

import argparse
import asyncio
import json
import mmap
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app import embedded
from app.storage import migrations

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = "danswer_chunk"
PER_DOCUMENT = 10
WORDS = [f"{a}{b}" for a in ("data", "index", "team", "note", "plan", "risk", "cost", "user") for b in range(400)]


def write_rows(path: Path, chunks: int, dimension: int) -> list[int]:
    """Write rows and return where each one ends. Vectors gather round centres, as those of texts do."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((200, dimension)).astype(np.float32)
    ends = []
    title = b""
    with path.open("wb") as file:
        for number in range(chunks):
            document, chunk = divmod(number, PER_DOCUMENT)
            if chunk == 0:
                title = vector(random, centres, dimension)
            content = " ".join(WORDS[int(place)] for place in random.integers(0, len(WORDS), 90))
            fields = {
                "document_id": f"https://wiki.example/pages/{document}",
                "chunk_id": chunk,
                "title": f"Page {document}",
                "content": f"Page {document}\n\r\n{content}",
                "blurb": content[:80],
                "source_type": "confluence",
                "metadata_list": [f"space==={document % 50}"],
                "doc_updated_at": 1_700_000_000 + document,
                "boost": 0.0,
                "semantic_identifier": f"Page {document}",
                "source_links": '{"0": "https://wiki.example/x"}',
                "access_control_list": {f"group:g{document % 100}": 1, f"user_email:u{document % 997}@x.io": 1},
                "document_sets": {"All": 1},
            }
            body = orjson.dumps(fields)[:-1] + b',"title_embedding":' + title
            body += b',"embeddings":{"full_chunk":' + vector(random, centres, dimension) + b"}}"
            file.write(b'{"id":"id:default:%s::%d","fields":%s}' % (SCHEMA.encode(), number, body))
            ends.append(file.tell())
    return ends


def vector(random: np.random.Generator, centres: np.ndarray, dimension: int) -> bytes:
    """Make a vector near one of the centres, as JSON."""
    near = centres[random.integers(len(centres))] + 0.7 * random.standard_normal(dimension).astype(np.float32)
    return orjson.dumps((near / np.linalg.norm(near)).astype(np.float32), option=orjson.OPT_SERIALIZE_NUMPY)


def serve(path: Path, ends: list[int], ready: "multiprocessing.Queue[int]") -> None:
    """Answer visits from the file: slice s of n has the rows s, s + n, …; a token is the place of the next one."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as rows:
        asyncio.run(_serve(rows, ends, ready))


async def _serve(rows: mmap.mmap, ends: list[int], ready: "multiprocessing.Queue[int]") -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            target = urlsplit(line.split()[1].decode())
            asked = {name: values[0] for name, values in parse_qs(target.query).items()}
            count = b'{"root":{"fields":{"totalCount":%d}}}' % len(ends)
            known = target.path == "/search/" or "slices" in asked  # there are no tenants, so none can be asked for
            body = count if target.path == "/search/" else page(asked) if known else b"{}"
            status = b"200 OK" if known else b"400 Bad Request"
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n" % (status, len(body)))
            writer.write(body)
            await writer.drain()
        writer.close()

    def page(asked: dict[str, str]) -> bytes:
        slices, start = int(asked["slices"]), int(asked.get("continuation", asked["sliceId"]))
        places = range(start, len(ends), slices)[: int(asked["wantedDocumentCount"])]
        bodies = [rows[ends[place - 1] if place else 0 : ends[place]] for place in places]
        following = start + slices * len(bodies)
        more = b',"continuation":"%d"' % following if following < len(ends) else b""
        return b'{"documents":[' + b",".join(bodies) + b'],"documentCount":%d%s}' % (len(bodies), more)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    ready.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def peak_memory(pid: int, found: list[int]) -> None:
    """Follow the resident memory of a process in kilobytes; its peak is what counts."""
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
        if not peaks:
            return
        found[0] = max(found[0], *peaks)
        time.sleep(0.5)


def measure(arguments: argparse.Namespace, folder: Path, url: str) -> dict[str, object]:
    """Run one import and say how it went."""
    with embedded.start(folder / "postgres", version=18) as server:
        migrations.upgrade(server.dsn())
        environment = os.environ | {"DATABASE_URL": server.dsn(), "LOG_LEVEL": "warning", "PYTHONPATH": str(ROOT)}
        command = [
            sys.executable, "-c", "from app.cli import main; main()", "import-vespa", url, "--index", SCHEMA,
            "--dimension", str(arguments.dimension), "--page-size", str(arguments.page_size), "--slices",
            str(arguments.slices), "--json",
        ]  # fmt: skip
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=folder)
        peak = [0]
        watcher = threading.Thread(target=peak_memory, args=(process.pid, peak), daemon=True)
        watcher.start()
        last, loaded = {}, 0.0
        for line in process.stdout or ():
            last = json.loads(line)
            if last["event"] == "progress":
                print(f"{last['rows']:>9} rows, {last['rows_per_second']:.0f}/s", file=sys.stderr)
            if last["event"] == "loaded":
                loaded = time.perf_counter() - started
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"the import failed with {status}")
        whole = time.perf_counter() - started
    rows = last["rows"]
    return {
        "chunks": rows,
        "dimension": arguments.dimension,
        "page_size": arguments.page_size,
        "slices": arguments.slices,
        "load_seconds": round(loaded, 1),
        "load_chunks_per_second": round(rows / loaded),
        "graph_seconds": round(whole - loaded, 1),
        "graph": last["graph"],
        "whole_chunks_per_second": round(rows / whole),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_mb": round(peak[0] / 1024),
    }


def main() -> None:
    """Make rows, serve them, and import them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--page-size", type=int, default=500)
    parser.add_argument("--slices", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="import-bench-") as name:
        folder = Path(name)
        path = folder / "rows.json"
        ends = write_rows(path, arguments.chunks, arguments.dimension)
        ready: multiprocessing.Queue[int] = multiprocessing.Queue()
        server = multiprocessing.Process(target=serve, args=(path, ends, ready), daemon=True)
        server.start()
        try:
            print(json.dumps(measure(arguments, folder, f"http://127.0.0.1:{ready.get()}"), indent=2))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
