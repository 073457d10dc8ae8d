"""Rows as Onyx keeps them in Vespa and OpenSearch."""

from typing import Any
from uuid import NAMESPACE_X500, uuid5

import numpy as np

TEXT = """
access index document chunk vector search permission group policy travel budget release contract customer invoice
holiday server network printer password meeting minutes roadmap quarter revenue supplier warehouse
"""
WORDS = TEXT.split()


def vespa_key(fields: dict[str, Any], marker: str = "") -> str:
    """Name a row as Onyx does."""
    return str(uuid5(NAMESPACE_X500, f"{str(fields['document_id']).rstrip('/')}_{fields['chunk_id']}{marker}"))


def vespa_rows(documents: int, *, chunks: int = 5, dimension: int = 8, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Make the rows of well-formed documents with 1 to twice ``chunks`` chunks each, by key in random order."""
    random = np.random.default_rng(seed)
    rows: dict[str, dict[str, Any]] = {}
    for number in range(documents):
        document = _document(random, number, dimension)
        for chunk_id in range(int(random.integers(1, 2 * chunks))):
            fields = document | _chunk(random, document["title"], chunk_id, dimension)
            rows[vespa_key(fields)] = fields
    order = random.permutation(len(rows))
    keys = list(rows)
    return {keys[place]: rows[keys[place]] for place in order}


def opensearch_source(fields: dict[str, Any]) -> dict[str, Any]:
    """Write a Vespa row as OpenSearch's source."""
    entries = list(fields["access_control_list"])
    return {
        "document_id": fields["document_id"],
        "chunk_index": fields["chunk_id"],
        "max_chunk_size": 512,
        "title": fields["title"],
        "title_vector": fields["title_embedding"],
        "content": fields["content"],
        "content_vector": fields["embeddings"]["full_chunk"],
        "source_type": fields["source_type"],
        "metadata_list": fields["metadata_list"],
        "last_updated": fields["doc_updated_at"],
        "created_at": fields["doc_updated_at"] - 86_400,
        "public": "PUBLIC" in entries,
        "access_control_list": [entry for entry in entries if entry != "PUBLIC"],
        "hidden": fields.get("hidden", False),
        "global_boost": int(fields["boost"]),
        "semantic_identifier": fields["semantic_identifier"],
        "image_file_id": fields.get("image_file_name"),
        "source_links": fields["source_links"],
        "blurb": fields["blurb"],
        "doc_summary": fields["doc_summary"],
        "chunk_context": fields["chunk_context"],
        "metadata_suffix": fields["metadata_suffix"],
        "document_sets": list(fields["document_sets"]),
        "user_projects": fields["user_project"],
        "personas": fields["personas"],
        "primary_owners": fields["primary_owners"],
        "ancestor_hierarchy_node_ids": [3, 5],
    }


def _document(random: np.random.Generator, number: int, dimension: int) -> dict[str, Any]:
    title = f"{WORDS[number % len(WORDS)].title()} {number}"
    return {
        "document_id": f"https://wiki.example/{number}?page=a/b&n={number}",
        "title": title,
        "title_embedding": _vector(random, dimension),
        "semantic_identifier": title,
        "source_type": ("web", "slack", "confluence")[number % 3],
        "metadata_list": [f"space==={number % 7}", "label===one", "label===two", "formula===a===b"],
        "doc_updated_at": 1_700_000_000 + number,
        "hidden": number % 11 == 0,
        "boost": float(number % 5 - 2),
        "document_sets": {"Legal": 1} if number % 4 == 0 else {},
        "user_project": [number % 3] if number % 6 == 0 else [],
        "personas": [],
        "primary_owners": [f"owner{number % 9}@example.com"],
        "secondary_owners": None,
        "access_control_list": {"PUBLIC": 1}
        if number % 5 == 0
        else {f"user_email:u{number % 13}@x.io": 1, "group:eng": 1},
    }


def _chunk(random: np.random.Generator, title: str, chunk_id: int, dimension: int) -> dict[str, Any]:
    text = " ".join(WORDS[int(place)] for place in random.integers(0, len(WORDS), 40))
    return {
        "chunk_id": chunk_id,
        "content": f"{title}\n\r\n{text}",
        "content_summary": text,
        "blurb": text[:60],
        "embeddings": {"full_chunk": _vector(random, dimension)},
        "source_links": '{"0": "https://wiki.example/x", "120": "https://wiki.example/y"}',
        "doc_summary": "",
        "chunk_context": "",
        "metadata_suffix": "\n\r\nspace",
        "image_file_name": None,
        "section_continuation": False,
        "skip_title": False,
    }


def _vector(random: np.random.Generator, dimension: int) -> list[float]:
    vector = random.standard_normal(dimension).astype(np.float32)
    return [float(number) for number in vector / np.linalg.norm(vector)]
