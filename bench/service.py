"""The service under test: `vector-search serve` on an embedded PostgreSQL, in processes of its own."""

import base64
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from typing_extensions import override

from app import embedded
from bench.dataset import CHUNKS_PER_DOCUMENT, Dataset, Floats
from bench.http import Connection
from bench.processes import free_port, postgres_processes, running
from bench.selections import K, Selection
from bench.systems import Ask, Filled, Material, System, spoken

ROOT = Path(__file__).resolve().parents[1]
INDEX = "bench"
WRITERS = 4
_BATCH = 20
_ANN_SECONDS = 3600.0
_OPEN: dict[str, object] = {"access_control_list": None}


class Service(System):
    """The service, spoken to over HTTP.

    Parameters
    ----------
    url
        Where it answers.
    data_dir
        The folder of its PostgreSQL.
    process_id
        Its process.
    encode
        Send embeddings as base64 rather than as arrays of numbers.
    """

    over = "HTTP"

    def __init__(self, url: str, data_dir: Path, process_id: int, *, encode: bool = False) -> None:
        self.name = "service base64" if encode else "service"
        self.url = url
        self.data_dir = data_dir
        self._process_id = process_id
        self._encode = encode
        self.control = Connection(url)

    def with_base64(self) -> "Service":
        """Return the same service, sent embeddings as base64."""
        return Service(self.url, self.data_dir, self._process_id, encode=True)

    @property
    def dsn(self) -> str:
        """The address of its database."""
        server = embedded.find_running(self.data_dir)
        if server is None:
            raise RuntimeError(f"no PostgreSQL runs in {self.data_dir}")
        return server.dsn()

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> bytes:
        filters = _OPEN if selection.documents is None else _OPEN | {"document_sets": [selection.name]}
        return self.question(embedding, filters)

    def question(self, embedding: Floats, filters: Mapping[str, object], index: str = INDEX) -> bytes:
        """Make the body of a search."""
        sent = to_base64(embedding) if self._encode else embedding.astype(float).tolist()
        return orjson.dumps({"index": index, "embedding": sent, "limit": K, "filters": filters})

    @override
    def session(self) -> Ask:
        connection = Connection(self.url)
        return lambda body: connection.send("POST", "/search", body)

    @override
    def read(self, answer: Any) -> list[int]:
        return [chunk_of(hit["document_id"], hit["chunk_index"]) for hit in orjson.loads(answer)["hits"]]

    @override
    def workers(self) -> list[int]:
        return [self._process_id, *postgres_processes(self.data_dir)]

    @override
    def server(self) -> int:
        return self._process_id

    def index(self, name: str = INDEX) -> dict[str, Any]:
        """Show an index."""
        shown: dict[str, Any] = self.control.call("GET", f"/indexes/{name}")
        return shown

    def metric(self, name: str) -> dict[str, float]:
        """Return a metric of the service by its labels, such as ``{search_type="semantic"}``."""
        lines = self.control.send("GET", "/metrics").decode().splitlines()
        found = (line.rpartition(" ") for line in lines if line.startswith(f"onyx_vector_search_{name}"))
        return {label.removeprefix(f"onyx_vector_search_{name}"): float(value) for label, _, value in found}

    def fill(self, material: Material) -> Filled:
        """Load every document and wait for the graph."""
        started = time.perf_counter()
        dimension = material.dataset.recipe.dimension
        self.control.call("PUT", f"/indexes/{INDEX}", {"embedding_dimension": dimension, "access_control": True})
        self.post(INDEX, material, range(material.dataset.documents))
        load = time.perf_counter() - started
        built = self.wait_for_graph()
        return Filled(load, time.perf_counter() - started - load if built else 0.0)

    def post(self, index: str, material: Material, documents: Sequence[int], *, id_prefix: str = "") -> float:
        """Index documents over several connections; return the seconds the requests took.

        Bodies are made before the clock starts, some ten thousand chunks at a time: connections that wait for the
        last of a block would be counted.
        """
        seconds = 0.0
        block = _BATCH * WRITERS * 64
        with ThreadPoolExecutor(WRITERS) as pool:
            connections = [Connection(self.url) for _ in range(WRITERS)]
            for start in range(0, len(documents), block):
                part = documents[start : start + block]
                bodies = [
                    orjson.dumps({"index": index, "documents": [_document(material, d, id_prefix) for d in batch]})
                    for batch in (part[at : at + _BATCH] for at in range(0, len(part), _BATCH))
                ]
                began = time.perf_counter()
                list(pool.map(_send_all, connections, [bodies[n::WRITERS] for n in range(WRITERS)]))
                seconds += time.perf_counter() - began
        return seconds

    def wait_for_graph(self) -> bool:
        """Wait until the maintainer has built what it thinks is due; return whether there is a graph.

        Raises
        ------
        TimeoutError
            It did not.
        """
        deadline = time.monotonic() + _ANN_SECONDS
        quiet_until = time.monotonic() + 25  # two looks of the maintainer
        while time.monotonic() < deadline:
            state = self.index()["ann"]["state"]
            if state == "ready":
                return True
            if state == "none" and time.monotonic() > quiet_until:
                return False
            time.sleep(0.5)
        raise TimeoutError("the HNSW graph was not built")


@contextmanager
def serving(
    folder: Path, *, python: str = sys.executable, settings: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run the service on the PostgreSQL of a folder, with the settings a user would get but for those given."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "DATABASE_"))}
    env |= {"DATA_DIR": str(folder / "postgres"), "PORT": str(port), "PYTHONPATH": str(ROOT), **(settings or {})}
    command = [python, "-c", "from app.cli import main; main()", "serve"]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, "/health/ready", folder / "service.log", env, ROOT) as process:
        yield Service(url, folder / "postgres", process.pid)


def to_base64(embedding: Floats) -> str:
    """Write an embedding as the API takes it."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def chunk_of(document_id: str, chunk_index: int) -> int:
    """Return the number of a chunk."""
    return int(document_id.rpartition("/")[2]) * CHUNKS_PER_DOCUMENT + chunk_index


def access_of(dataset: Dataset, document: int) -> dict[str, object]:
    """Return who may read a document, as the API takes it."""
    return {"public": bool(dataset.access.public[document]), "entries": dataset.access.entries(document)}


def _document(material: Material, document: int, id_prefix: str) -> dict[str, object]:
    dataset = material.dataset
    first = document * CHUNKS_PER_DOCUMENT
    return {
        "id": id_prefix + spoken(document),
        "title": f"Document {document}",
        "source_type": "web",
        "access": access_of(dataset, document),
        "document_sets": material.selections.labels_of(document),
        "chunks": [
            {"chunk_index": number, "content": text, "embedding": to_base64(dataset.vectors[first + number])}
            for number, text in enumerate(dataset.texts(document))
        ],
    }


def _send_all(connection: Connection, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        connection.send("POST", "/documents", body)
