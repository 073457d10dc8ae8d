"""What a chat turn of Onyx costs, end to end through the adapter, and what indexing sends.

A turn: 8 hybrid searches at once for one user with 20,000 access list entries, 50 hits each, then 10 look-ups of
sections around hits, also at once. The service is another process on a loopback port. Wire bytes are those of
bodies as they are sent, compressed where they are.

    make bench-onyx [OPTIONS="--documents 1000 --turns 20 --search hybrid"]

`tests/onyx` lends the service and the stand-ins of Onyx's classes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import starmap
from pathlib import Path
from random import Random
from typing import Any

import httpx
from onyx.context.search.enums import QueryType
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import DocumentSectionRequest, TenantState
from onyx.indexing.models import DocMetadataAwareIndexChunk
from onyx_objects import NO_METADATA, access, chunk, document
from onyx_vector_search import Client, Options
from onyx_vector_search.adapter import PgVectorDocumentIndex
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[1]
DIMENSION = 768
CHUNKS_PER_DOCUMENT = 10
SEARCHES, LOOK_UPS, HITS, ENTRIES, GROUPS = 8, 10, 50, 20_000, 500
RESULTS = ROOT / "bench" / "results" / "onyx_chat_turn.json"


class Metered(httpx.HTTPTransport):
    """Counts the bytes of bodies in both directions."""

    def __init__(self) -> None:
        super().__init__(limits=httpx.Limits(max_keepalive_connections=20))
        self.sent = 0
        self.received = 0

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on, and count; the body of the answer is read here, which the client would do next."""
        response = super().handle_request(request)
        self.sent += int(request.headers.get("content-length", 0))
        self.received += len(response.read())
        return response


def corpus(documents: int, draw: Random) -> Iterator[DocMetadataAwareIndexChunk]:
    """Documents of 1000 topics; each readable by some of 500 groups, a tenth by everybody."""
    words = [f"word{number}" for number in range(5000)]
    topics = [_vector(draw, DIMENSION) for _ in range(1000)]
    for number in range(documents):
        topic = topics[draw.randrange(len(topics))]
        source = document(f"https://example.org/{number}", metadata={"team": f"t{number % 20}"})
        who = access(
            groups=[f"g{draw.randrange(GROUPS)}" for _ in range(3)],
            public=draw.random() < 0.1,
        )
        for place in range(CHUNKS_PER_DOCUMENT):
            near = [value + 0.5 * draw.gauss(0, 1) for value in topic]
            yield chunk(
                source.id,
                place,
                " ".join(draw.choices(words, k=300)),
                embedding=near,
                title_embedding=topic,
                source_document=source,
                access=who,
            )


def access_list(draw: Random) -> list[str]:
    """Return the entries of a user with many groups, of which 20 are known to the index."""
    entries = [f"external_group:google_drive_{number}" for number in range(ENTRIES - 20)]
    return entries + [f"group:g{draw.randrange(GROUPS)}" for _ in range(20)]


def turn(index: PgVectorDocumentIndex, draw: Random, search: str, entries: list[str] | None) -> list[int]:
    """Make one turn; returns how many chunks each call found."""
    filters = IndexFilters(access_control_list=entries)
    queries = [
        (" ".join(f"word{draw.randrange(5000)}" for _ in range(6)), _vector(draw, DIMENSION)) for _ in range(SEARCHES)
    ]

    def find(text: str, vector: list[float]) -> list[InferenceChunk]:
        if search == "semantic":
            return index.semantic_retrieval(vector, filters, HITS)
        return index.hybrid_retrieval(text, vector, text.split(), QueryType.SEMANTIC, filters, HITS)

    def look_up(hit: InferenceChunk) -> list[InferenceChunk]:
        section = DocumentSectionRequest(
            document_id=hit.document_id, min_chunk_ind=max(0, hit.chunk_id - 2), max_chunk_ind=hit.chunk_id + 2
        )
        return index.id_based_retrieval([section], IndexFilters(access_control_list=None), batch_retrieval=True)

    with ThreadPoolExecutor(SEARCHES) as threads:
        found = list(threads.map(lambda query: find(*query), queries))
        sections = list(threads.map(look_up, found[0][:LOOK_UPS]))
    return [len(chunks) for chunks in (*found, *sections)]


def chat_turns(client: Client, transport: Metered, options: argparse.Namespace) -> dict[str, Any]:
    """Fill an index and measure turns."""
    draw = Random(11)
    index = _index(client, "bench_chat", DIMENSION)
    index.index(corpus(options.documents, draw), NO_METADATA)
    for _ in range(3):
        turn(index, draw, options.search, access_list(draw))
    seconds: list[float] = []
    unrestricted: list[float] = []
    sent = received = 0
    counts: list[int] = []
    for _ in range(options.turns):
        transport.sent = transport.received = 0
        started = time.perf_counter()
        counts = turn(index, draw, options.search, access_list(draw))
        seconds.append(time.perf_counter() - started)
        sent, received = sent + transport.sent, received + transport.received
        started = time.perf_counter()
        turn(index, draw, options.search, None)
        unrestricted.append(time.perf_counter() - started)
    return {
        "search": options.search,
        "chunks": options.documents * CHUNKS_PER_DOCUMENT,
        "dimension": DIMENSION,
        "hits_per_search": counts[:SEARCHES],
        "turn_ms": {
            "p50": round(1000 * statistics.median(seconds), 1),
            "p90": round(1000 * statistics.quantiles(seconds, n=10)[-1], 1),
            "min": round(1000 * min(seconds), 1),
        },
        "with_to_without_access_list": round(statistics.median(seconds) / statistics.median(unrestricted), 2),
        "sent_bytes_per_turn": sent // options.turns,
        "received_bytes_per_turn": received // options.turns,
    }


def wire_bytes(client: Client, transport: Metered, *, documents: int = 16, dimension: int = 1536) -> dict[str, Any]:
    """Index 16 documents of 10 chunks with titles; compare with JSON whose vectors are numbers."""
    draw = Random(5)
    words = [f"word{number}" for number in range(2000)]
    index = _index(client, "bench_wire", dimension)
    chunks = [
        chunk(
            f"https://example.org/{number}",
            place,
            " ".join(draw.choices(words, k=400)),
            embedding=_vector(draw, dimension),
            title_embedding=_vector(Random(number), dimension),
        )
        for number in range(documents)
        for place in range(10)
    ]
    transport.sent = 0
    index.index(chunks, NO_METADATA)
    numbers = sum(len(json.dumps(vectors)) for vectors in starmap(_vectors, enumerate(chunks)))
    text = sum(len(one.content) + len(one.blurb) for one in chunks)
    return {"sent": transport.sent, "json_floats": numbers + text, "share": round(transport.sent / (numbers + text), 3)}


def _vectors(place: int, one: DocMetadataAwareIndexChunk) -> list[list[float]]:
    """Return the vectors a chunk would send: the title's once per document."""
    title = one.title_embedding if place % 10 == 0 else None
    return [one.embeddings.full_embedding, *([title] if title else [])]


def _index(client: Client, name: str, dimension: int) -> PgVectorDocumentIndex:
    state = TenantState(tenant_id="public", multitenant=False)
    index = PgVectorDocumentIndex(state, name, dimension, EmbeddingPrecision.FLOAT, client)
    index.verify_and_create_index_if_necessary(dimension, EmbeddingPrecision.FLOAT)
    return index


def _vector(draw: Random, dimension: int) -> list[float]:
    return [draw.gauss(0, 1) for _ in range(dimension)]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--search", choices=["hybrid", "semantic"], default="hybrid")
    parser.add_argument("--gzip-from", type=int, default=Options().gzip_from)
    options = parser.parse_args()
    transport = Metered()
    with Client(
        os.environ["ONYX_TEST_SERVICE_URL"], transport=transport, options=Options(gzip_from=options.gzip_from or None)
    ) as client:
        found = {
            "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "platform": platform.platform()},
            "python": platform.python_version(),
            "revision": subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip(),
            "chat_turn": chat_turns(client, transport, options),
            "indexing_bytes": wire_bytes(client, transport),
        }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
