"""A stand-in for Vespa's visits that costs next to nothing: rows lie in a file as they are visited.

A page is a stretch of the file, which the kernel copies to the socket. What an import costs can so be told from
what serving it does.
"""

import asyncio
import multiprocessing
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

SCHEMA = "danswer_chunk"
PER_DOCUMENT = 10
_WORDS = [f"{a}{b}" for a in ("data", "index", "team", "note", "plan", "risk", "cost", "user") for b in range(400)]
_CENTRES = 200
_SPREAD = 0.7


@dataclass(frozen=True, slots=True)
class Rows:
    """A file of rows, and where each one ends, in bytes. Slice s of n has the s-th of n equal stretches."""

    path: Path
    ends: NDArray[np.int64]

    def place(self, row: int) -> int:
        """Return where a row begins."""
        return int(self.ends[row - 1]) if row else 0

    def first(self, slice_number: int, slices: int) -> int:
        """Return the first row of a slice."""
        return len(self.ends) * slice_number // slices


def write_rows(path: Path, chunks: int, dimension: int, *, scattered: bool) -> Rows:
    """Write rows as Onyx's are: about 20 kB of JSON at 768 dimensions, a title vector in each.

    Vectors gather round centres, as those of texts do.

    Parameters
    ----------
    scattered
        Vespa keeps rows by a hash of their ids, so that chunks of a document are met far from each other. False
        gives them one after another instead.
    """
    random = np.random.default_rng(7)
    centres = random.standard_normal((_CENTRES, dimension)).astype(np.float32)
    titles = [_vector(random, centres) for _ in range(-(-chunks // PER_DOCUMENT))]
    order = random.permutation(chunks) if scattered else np.arange(chunks)
    ends = np.empty(chunks, dtype=np.int64)
    with path.open("wb") as file:
        for place, number in enumerate(order.tolist()):
            document = number // PER_DOCUMENT
            body = _fields(random, document, number % PER_DOCUMENT)[:-1] + b',"title_embedding":' + titles[document]
            body += b',"embeddings":{"full_chunk":' + _vector(random, centres) + b"}}"
            file.write(b'{"id":"id:default:%s::%d","fields":%s},\n' % (SCHEMA.encode(), number, body))
            ends[place] = file.tell()
    return Rows(path, ends)


@contextmanager
def serving(rows: Rows) -> Iterator[tuple[str, list[float]]]:
    """Serve visits in a process of its own; yield the address, and afterwards the seconds of processor it took."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(rows, there), daemon=True)
    process.start()
    used: list[float] = []
    try:
        yield f"http://127.0.0.1:{here.recv()}", used
    finally:
        here.send(None)
        used.append(here.recv())
        process.join()


def _vector(random: np.random.Generator, centres: NDArray[np.float32]) -> bytes:
    near = centres[random.integers(len(centres))] + _SPREAD * random.standard_normal(centres.shape[1], dtype=np.float32)
    return orjson.dumps((near / np.linalg.norm(near)).astype(np.float32), option=orjson.OPT_SERIALIZE_NUMPY)


def _fields(random: np.random.Generator, document: int, chunk: int) -> bytes:
    content = " ".join(_WORDS[int(place)] for place in random.integers(0, len(_WORDS), 90))
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
    return orjson.dumps(fields)


def _serve(rows: Rows, there: Connection) -> None:
    asyncio.run(_answer_all(rows, there))
    used = resource.getrusage(resource.RUSAGE_SELF)
    there.send(used.ru_utime + used.ru_stime)


async def _answer_all(rows: Rows, there: Connection) -> None:
    loop = asyncio.get_running_loop()
    with rows.path.open("rb") as file:

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                head, begin, end, tail = _page(rows, line)
                length = len(head) + end - begin + len(tail)
                known = b"200 OK" if length else b"400 Bad Request"  # there are no tenants to be asked for
                writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (known, length, head))
                await writer.drain()
                if end > begin:
                    await loop.sendfile(writer.transport, file, begin, end - begin)
                writer.write(tail)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        there.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(there.recv)
        server.close()


def _page(rows: Rows, line: bytes) -> tuple[bytes, int, int, bytes]:
    """Answer a request: what comes before the stretch of the file, its begin and end, what comes after."""
    target = urlsplit(line.split()[1].decode())
    asked = {name: values[0] for name, values in parse_qs(target.query).items()}
    if target.path == "/search/":
        return b'{"root":{"fields":{"totalCount":%d}}}' % len(rows.ends), 0, 0, b""
    if "slices" not in asked:
        return b"", 0, 0, b""
    slices, slice_number = int(asked["slices"]), int(asked["sliceId"])
    first = int(asked.get("continuation", rows.first(slice_number, slices)))
    last = rows.first(slice_number + 1, slices)
    following = min(last, first + int(asked["wantedDocumentCount"]))
    more = b',"continuation":"%d"' % following if following < last else b""
    end = rows.place(following) - len(b",\n") if following > first else rows.place(first)
    tail = b'],"documentCount":%d%s}' % (following - first, more)
    return b'{"documents":[', rows.place(first), end, tail
