"""Chroma: the one vector database from PyPI with an HTTP server (`chroma run`)."""

import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import chromadb
import orjson
from typing_extensions import override

from bench.dataset import CHUNKS_PER_DOCUMENT, Floats
from bench.http import Connection
from bench.processes import free_port, running
from bench.selections import K, Selection
from bench.systems import Ask, ChangingPeer, Filled, Material, Server

_COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_BATCH = 500


class Chroma(ChangingPeer):
    """A Chroma server of its own; labels are boolean metadata, the text is the document.

    Parameters
    ----------
    folder
        Where it keeps its data.
    """

    name = "Chroma"
    over = "HTTP"
    efforts = (50, 100, 200, 400)

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._stop = ExitStack()
        self._control = Connection(self._url)
        program = shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma"
        command = [program, "run", "--path", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
        ready = "/api/v2/heartbeat"
        self._process = self._stop.enter_context(running(command, self._url, ready, folder / "chroma.log"))
        self._client = chromadb.HttpClient(host="127.0.0.1", port=port)
        self._collection = self._client.get_or_create_collection(
            "bench",
            configuration={"hnsw": {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 100}},
            embedding_function=None,
        )

    @override
    def fill(self, material: Material) -> Filled:
        started = time.perf_counter()
        self.add(material, range(material.dataset.documents))
        return Filled(time.perf_counter() - started)

    def add(self, material: Material, documents: range) -> None:
        """Take documents."""
        dataset = material.dataset
        step = _BATCH // CHUNKS_PER_DOCUMENT
        for at in range(documents.start, documents.stop, step):
            batch = range(at, min(at + step, documents.stop))
            self._collection.add(
                ids=[str(chunk) for d in batch for chunk in chunks_of(d)],
                embeddings=dataset.vectors[batch.start * CHUNKS_PER_DOCUMENT : batch.stop * CHUNKS_PER_DOCUMENT],
                documents=[text for d in batch for text in dataset.texts(d)],
                metadatas=[
                    dict.fromkeys(material.selections.labels_of(d), True) | {"document": d, "value": 0}
                    for d in batch
                    for _ in range(CHUNKS_PER_DOCUMENT)
                ],
            )

    @override
    def set_effort(self, effort: int | None) -> None:
        self._collection.modify(configuration={"hnsw": {"ef_search": effort or 100}})

    @override
    def prepare(self, embedding: Floats, selection: Selection, effort: int | None) -> bytes:
        question: dict[str, object] = {
            "query_embeddings": [embedding.astype(float).tolist()],
            "n_results": K,
            "include": ["documents", "metadatas", "distances"],
        }
        if selection.documents is not None:
            question["where"] = {selection.name: True}
        return orjson.dumps(question)

    @override
    def session(self) -> Ask:
        connection = Connection(self._url)
        path = f"{_COLLECTIONS}/{self._collection.id}/query"
        return lambda body: connection.send("POST", path, body)

    @override
    def read(self, answer: Any) -> list[int]:
        return [int(chunk) for chunk in orjson.loads(answer)["ids"][0]]

    @override
    def change(self, document: int, value: int) -> None:
        ids = [str(chunk) for chunk in chunks_of(document)]
        body = {"ids": ids, "metadatas": [{"value": value}] * len(ids)}
        path = f"{_COLLECTIONS}/{self._collection.id}/update"
        self._control.send("POST", path, orjson.dumps(body))

    @override
    def workers(self) -> list[int]:
        return [self._process.pid]

    @override
    def server(self) -> int:
        return self._process.pid

    @override
    def close(self) -> None:
        self._stop.close()


def chunks_of(document: int) -> range:
    """Return the chunks of a document."""
    return range(document * CHUNKS_PER_DOCUMENT, (document + 1) * CHUNKS_PER_DOCUMENT)


def make(folder: Path, _server: Server) -> Chroma:
    """Start it."""
    return Chroma(folder)
