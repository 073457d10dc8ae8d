"""PostgreSQL with pgvector, started by the service itself from the programs of a Python wheel."""

from app.embedded.errors import EmbeddedError
from app.embedded.server import EmbeddedServer, find_running, start

__all__ = ["EmbeddedError", "EmbeddedServer", "find_running", "start"]
