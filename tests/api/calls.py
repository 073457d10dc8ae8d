"""Requests that many tests make, in the fewest words."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import numpy as np

Json = dict[str, Any]
NEAR = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
FAR = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
ALICE = "user_email:alice@x.io"
BOB = "user_email:bob@x.io"


def axis(place: int, dimension: int = 8) -> list[float]:
    """Return the unit vector along an axis."""
    return [1.0 if number == place else 0.0 for number in range(dimension)]


def base64_of(embedding: Sequence[float]) -> str:
    """Encode as OpenAI's encoding_format base64 does."""
    return base64.b64encode(np.asarray(embedding, dtype="<f4").tobytes()).decode()


def chunk(chunk_index: int = 0, content: str = "text", **fields: object) -> Json:
    """Make a chunk to index."""
    return {"chunk_index": chunk_index, "content": content, "embedding": NEAR} | fields


def document(name: str = "a", *, chunks: int = 1, **fields: object) -> Json:
    """Make a document to index, public and with as many chunks as asked for."""
    return {
        "id": name,
        "access": {"public": True},
        "chunks": [chunk(place, f"{name} part {place}") for place in range(chunks)],
    } | fields


async def index(http: httpx.AsyncClient, *documents: Json, **fields: object) -> list[Json]:
    """Index documents; return the results."""
    answer = await http.post("/documents", json={"documents": list(documents)} | fields)
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


async def update(http: httpx.AsyncClient, *updates: Json, **fields: object) -> list[Json]:
    """Update metadata; return the results."""
    answer = await http.patch("/documents", json={"updates": list(updates)} | fields)
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


async def search(http: httpx.AsyncClient, *, filters: Json | None = None, **fields: object) -> Json:
    """Search nearest to NEAR; return the answer."""
    body = {"embedding": NEAR, "limit": 100, "filters": filters or {}} | fields
    answer = await http.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def found(http: httpx.AsyncClient, filters: Json | None = None, **fields: object) -> list[str]:
    """Search; return the ids of the documents found, each once, sorted."""
    answer = await search(http, filters=filters, **fields)
    return sorted({hit["document_id"] for hit in answer["hits"]})


async def stored(http: httpx.AsyncClient, name: str, **parameters: str | bool) -> Json:
    """Show a document as it is stored, its id percent-encoded into the path."""
    answer = await http.get(path_of(name), params=parameters)
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


def path_of(name: str) -> str:
    """Return the path of a document."""
    return "/documents/" + "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02X}" for byte in name.encode()
    )


async def guarded_index(http: httpx.AsyncClient, name: str = "guarded", dimension: int = 8) -> str:
    """Create an index under access control."""
    answer = await http.put(f"/indexes/{name}", json={"embedding_dimension": dimension})
    assert answer.status_code == 201, answer.text
    return name


async def state(http: httpx.AsyncClient, **headers: str) -> tuple[Any, ...]:
    """Return everything that is stored, as exported: equal before and after where nothing was written."""
    indexes = (await http.get("/indexes", headers=headers)).json().get("indexes", [])
    exports = []
    for each in indexes:
        parameters = {"index": each["name"], "ndjson": "true", "chunks": "true", "embeddings": "true"}
        exports.append((await http.get("/documents", params=parameters, headers=headers)).text)
    upkeep = {"bytes", "ann", "recall", "dead_chunks", "maintained_at"}  # what becomes of itself
    kept = [{name: each[name] for name in each if name not in upkeep} for each in indexes]
    return (kept, exports)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for something that comes true by itself."""
    for _ in range(round(seconds / 0.05)):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
