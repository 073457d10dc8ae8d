"""Collections with relevance judgements, as folders.

A folder holds ``docs.jsonl`` (one ``{"id", "title", "content"}`` a line), ``queries.tsv`` (id, tab, text),
``qrels.tsv`` (query, tab, document, tab, grade; above 0 is relevant) and ``embeddings.npz`` with ``queries``
and ``content`` in the order of those files, and ``titles`` if there are any; shape (n, dimension) each.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; embeddings are in the order of documents and queries."""

    name: str
    documents: list[dict[str, str]]
    queries: dict[str, str]
    judgements: Mapping[str, Mapping[str, int]]
    content_embeddings: NDArray[np.float32]
    query_embeddings: NDArray[np.float32]
    title_embeddings: NDArray[np.float32] | None

    @property
    def dimension(self) -> int:
        """Of the embeddings."""
        return int(self.content_embeddings.shape[1])


def read_collection(folder: Path) -> Collection:
    """Read a folder.

    Raises
    ------
    ValueError
        A file is missing, or the embeddings are not as many as the texts.
    """
    missing = [
        name for name in ("docs.jsonl", "queries.tsv", "qrels.tsv", "embeddings.npz") if not (folder / name).exists()
    ]
    if missing:
        raise ValueError(f"{folder} is no collection: {', '.join(missing)} missing")
    lines = (folder / "docs.jsonl").read_text(encoding="utf-8").split("\n")
    documents = [json.loads(line) for line in lines if line.strip()]
    queries = dict(row[:2] for row in _rows(folder / "queries.tsv"))
    judgements: dict[str, dict[str, int]] = {}
    for query, document, grade in _rows(folder / "qrels.tsv"):
        judgements.setdefault(query, {})[document] = int(grade)
    with np.load(folder / "embeddings.npz") as arrays:
        content = arrays["content"].astype(np.float32)
        asked = arrays["queries"].astype(np.float32)
        titles = arrays["titles"].astype(np.float32) if "titles" in arrays else None
    if len(content) != len(documents) or len(asked) != len(queries):
        raise ValueError(f"{folder}: embeddings and texts are not equally many")
    return Collection(folder.name, documents, queries, judgements, content, asked, titles)


def _rows(path: Path) -> list[list[str]]:
    return [line.rstrip("\r").split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
