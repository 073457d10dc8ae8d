"""The sample corpus: this project's own documentation, chunked, with embeddings made beforehand."""

from pathlib import Path

from app.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "sample"
QUERY_FILE = "docs/sample/query.json"
QUESTION = "How does a permission change become visible to the next search?"


async def load(settings: Settings, dsn: str) -> None:
    """Index the sample in the default index, if nothing is in it."""


def make() -> None:
    """Chunk and embed the documentation anew."""
