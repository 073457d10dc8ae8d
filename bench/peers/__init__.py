"""The peers: what people would use instead, each from PyPI and in a file of its own."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.systems import Peer, Server

NAMES = ("chroma", "qdrant", "lance", "langchain", "seed")


def load(name: str, folder: Path, server: Server) -> Peer | None:
    """Make a peer; None when its packages are not installed.

    Parameters
    ----------
    name
        One of `NAMES`.
    folder
        Where it may keep its files.
    server
        PostgreSQL with pgvector, for those that live there.
    """
    needs: tuple[str, ...] = {
        "chroma": ("chromadb",),
        "qdrant": ("qdrant_edge",),
        "lance": ("lancedb", "pyarrow"),
        "langchain": ("langchain_postgres",),
        "seed": ("psycopg2",),
    }[name]
    if any(find_spec(module) is None for module in needs):
        return None
    made: Peer = import_module(f"bench.peers.{name}").make(folder, server)
    return made
