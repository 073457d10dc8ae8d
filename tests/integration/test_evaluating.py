"""``vector-search eval`` reaches a service that it starts itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.cli import evaluating
from app.evaluation.collections import read_collection
from app.evaluation.measures import NDCG
from app.evaluation.searches import VARIANTS


async def test_a_collection_is_indexed_and_searched(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "_SETTLE_SECONDS", 0.0)
    texts = ("a pump with a worn seal", "the valve leaks", "a gasket and a bolt")
    lines = (json.dumps({"id": str(n), "title": "", "content": text}) for n, text in enumerate(texts))
    (tmp_path / "docs.jsonl").write_text("\n".join(lines))
    (tmp_path / "queries.tsv").write_text("q\tleaking valve\n")
    (tmp_path / "qrels.tsv").write_text("q\t1\t1\n")
    vectors = np.eye(3, 8, dtype=np.float32)
    np.savez(tmp_path / "embeddings.npz", content=vectors, queries=vectors[1:2])
    collection = read_collection(tmp_path)
    results = await evaluating._run_here([collection], VARIANTS, dsn)
    assert {name: values[NDCG].tolist() for name, values in results[collection.name].items()} == {
        variant.name: [1.0] for variant in VARIANTS
    }
